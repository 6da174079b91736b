package main

import (
	"strconv"
	"unsafe"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// beStrict puts our own types in the place of vcsim's, where it takes what vCenter and ESX refuse, or lacks a call.
//
// Each is vcsim's object itself under another type: vcsim looks for the managed object in an object's first field, does
// not follow pointers there, and goes on to write to its own.
func beStrict() {
	swap := &swapping{}
	swap.Self = types.ManagedObjectReference{Type: "vifkit", Value: "strict"}
	simulator.Map.AddHandler(swap)
	for _, kind := range []string{"DistributedVirtualPortgroup", "Folder", "VirtualMachine"} {
		for _, entity := range simulator.Map.All(kind) {
			swap.PutObject(entity)
		}
	}
	for _, host := range simulator.Map.All("HostSystem") {
		system := host.(*simulator.HostSystem).ConfigManager.NetworkSystem
		simulator.Map.Put((*networkSystem)(unsafe.Pointer(simulator.Map.Get(*system).(*simulator.HostNetworkSystem))))
	}
}

// swapping hears of every object that vcsim makes.
type swapping struct {
	mo.ManagedEntity
}

func (s *swapping) Reference() types.ManagedObjectReference { return s.Self }

func (s *swapping) PutObject(object mo.Reference) {
	switch made := object.(type) {
	case *simulator.DistributedVirtualPortgroup:
		simulator.Map.Put((*portgroup)(unsafe.Pointer(made)))
	case *simulator.VirtualMachine:
		simulator.Map.Put((*machine)(unsafe.Pointer(made)))
	case *simulator.Folder:
		if len(made.ChildType) > 0 && contains(made.ChildType, "VirtualMachine") {
			simulator.Map.Put((*machineFolder)(unsafe.Pointer(made)))
		}
	}
}

func (s *swapping) UpdateObject(mo.Reference, []types.PropertyChange) {}

func (s *swapping) RemoveObject(types.ManagedObjectReference) {}

// overtaken tells whether somebody else is quicker once more.
func overtaken() bool {
	*rivals--
	return *rivals >= 0
}

// machine changes only as what it is when a specification says what that is, and by each change becomes another.
type machine struct {
	simulator.VirtualMachine
}

func (m *machine) ReconfigVMTask(ctx *simulator.Context, req *types.ReconfigVM_Task) soap.HasFault {
	if req.Spec.ChangeVersion != "" {
		if overtaken() {
			m.Config.Annotation = "Somebody was here.\n" + m.Config.Annotation
			m.changed()
		}
		if req.Spec.ChangeVersion != m.Config.ChangeVersion {
			task := simulator.CreateTask(m, "reconfigVm", func(*simulator.Task) (types.AnyType, types.BaseMethodFault) {
				return nil, &types.ConcurrentAccess{}
			})
			return &methods.ReconfigVM_TaskBody{Res: &types.ReconfigVM_TaskResponse{Returnval: task.Run()}}
		}
	}
	body := m.VirtualMachine.ReconfigVMTask(ctx, req)
	m.changed()
	return body
}

func (m *machine) changed() {
	number, _ := strconv.Atoi(m.Config.ChangeVersion)
	m.Config.ChangeVersion = strconv.Itoa(number + 1)
}

// machineFolder refuses two virtual machines of one name, and a name that is too long, which vcsim allows.
type machineFolder struct {
	simulator.Folder
}

func (f *machineFolder) CreateVMTask(ctx *simulator.Context, req *types.CreateVM_Task) soap.HasFault {
	if other := simulator.Map.FindByName(req.Config.Name, f.ChildEntity); other != nil {
		body := &methods.CreateVM_TaskBody{}
		body.Fault_ = simulator.Fault("The name '"+req.Config.Name+"' already exists.",
			&types.DuplicateName{Name: req.Config.Name, Object: other.Reference()})
		return body
	}
	if len([]rune(req.Config.Name)) > 80 {
		body := &methods.CreateVM_TaskBody{}
		body.Fault_ = simulator.Fault("The name '"+req.Config.Name+"' is too long.", &types.InvalidName{Name: req.Config.Name})
		return body
	}
	body := f.Folder.CreateVMTask(ctx, req)
	if made, ok := simulator.Map.FindByName(req.Config.Name, f.ChildEntity).(*machine); ok {
		made.changed()
	}
	return body
}

// portgroup changes what a specification names, where vcsim blanks all the rest; it wants the version of what is
// changed, and does not go while somebody uses it.
type portgroup struct {
	simulator.DistributedVirtualPortgroup
}

func (p *portgroup) ReconfigureDVPortgroupTask(req *types.ReconfigureDVPortgroup_Task) soap.HasFault {
	task := simulator.CreateTask(p, "reconfigureDvPortgroup", func(*simulator.Task) (types.AnyType, types.BaseMethodFault) {
		config, spec := &p.Config, req.Spec
		if overtaken() {
			number, _ := strconv.Atoi(config.ConfigVersion)
			config.Description, config.ConfigVersion = "Somebody was here.", strconv.Itoa(number+1)
		}
		if spec.ConfigVersion != config.ConfigVersion {
			return nil, &types.ConcurrentAccess{}
		}
		if setting := spec.DefaultPortConfig; setting != nil {
			held := setting.GetDVPortSetting()
			if wrong(held.InShapingPolicy) || wrong(held.OutShapingPolicy) {
				return nil, &types.InvalidArgument{InvalidProperty: "spec.defaultPortConfig"}
			}
			have, ok := config.DefaultPortConfig.(*types.VMwareDVSPortSetting)
			if ok {
				if held.InShapingPolicy != nil {
					have.InShapingPolicy = held.InShapingPolicy
				}
				if held.OutShapingPolicy != nil {
					have.OutShapingPolicy = held.OutShapingPolicy
				}
			}
		}
		if spec.Description != "" {
			config.Description = spec.Description
		}
		number, _ := strconv.Atoi(config.ConfigVersion)
		config.ConfigVersion = strconv.Itoa(number + 1)
		return nil, nil
	})
	return &methods.ReconfigureDVPortgroup_TaskBody{
		Res: &types.ReconfigureDVPortgroup_TaskResponse{Returnval: task.Run()},
	}
}

func (p *portgroup) DestroyTask(ctx *simulator.Context, req *types.Destroy_Task) soap.HasFault {
	if inUse(func(backing types.BaseVirtualDeviceBackingInfo) bool {
		info, ok := backing.(*types.VirtualEthernetCardDistributedVirtualPortBackingInfo)
		return ok && info.Port.PortgroupKey == p.Key
	}) {
		body := &methods.Destroy_TaskBody{}
		body.Fault_ = simulator.Fault("The resource '"+p.Name+"' is in use.",
			&types.ResourceInUse{Type: "DistributedVirtualPortgroup", Name: p.Name})
		return body
	}
	return p.DistributedVirtualPortgroup.DestroyTask(ctx, req)
}

func wrong(policy *types.DVSTrafficShapingPolicy) bool {
	if policy == nil || policy.Enabled == nil || policy.Enabled.Value == nil || !*policy.Enabled.Value {
		return false
	}
	average, peak, burst := policy.AverageBandwidth, policy.PeakBandwidth, policy.BurstSize
	if average == nil || peak == nil || burst == nil {
		return true
	}
	return average.Value <= 0 || peak.Value < average.Value || burst.Value <= 0
}

// networkSystem changes port groups and says what holds for them, which vcsim lacks; it looks at shaping policies, and
// keeps what is in use.
type networkSystem struct {
	simulator.HostNetworkSystem
}

func (s *networkSystem) AddPortGroup(ctx *simulator.Context, req *types.AddPortGroup) soap.HasFault {
	if s.wrong(req.Portgrp) {
		body := &methods.AddPortGroupBody{}
		body.Fault_ = simulator.Fault("", &types.InvalidArgument{InvalidProperty: "portgrp.policy.shapingPolicy"})
		return body
	}
	body := s.HostNetworkSystem.AddPortGroup(ctx, req)
	s.compute()
	return body
}

func (s *networkSystem) UpdatePortGroup(req *types.UpdatePortGroup) soap.HasFault {
	body := &methods.UpdatePortGroupBody{}
	for i := range s.NetworkInfo.Portgroup {
		group := &s.NetworkInfo.Portgroup[i]
		if group.Spec.Name != req.PgName {
			continue
		}
		if s.wrong(req.Portgrp) || req.Portgrp.Name != req.PgName || req.Portgrp.VswitchName != group.Spec.VswitchName {
			body.Fault_ = simulator.Fault("", &types.InvalidArgument{InvalidProperty: "portgrp"})
			return body
		}
		group.Spec = req.Portgrp
		s.compute()
		body.Res = &types.UpdatePortGroupResponse{}
		return body
	}
	body.Fault_ = simulator.Fault("", &types.NotFound{})
	return body
}

// compute says what holds for each port group: as its switch has no policy here, what it was given itself.
func (s *networkSystem) compute() {
	for i := range s.NetworkInfo.Portgroup {
		s.NetworkInfo.Portgroup[i].ComputedPolicy = s.NetworkInfo.Portgroup[i].Spec.Policy
	}
}

func (s *networkSystem) RemovePortGroup(ctx *simulator.Context, req *types.RemovePortGroup) soap.HasFault {
	if inUse(func(backing types.BaseVirtualDeviceBackingInfo) bool {
		info, ok := backing.(*types.VirtualEthernetCardNetworkBackingInfo)
		return ok && info.DeviceName == req.PgName
	}) {
		body := &methods.RemovePortGroupBody{}
		body.Fault_ = simulator.Fault("The resource '"+req.PgName+"' is in use.",
			&types.ResourceInUse{Type: "Network", Name: req.PgName})
		return body
	}
	return s.HostNetworkSystem.RemovePortGroup(ctx, req)
}

func (s *networkSystem) wrong(spec types.HostPortGroupSpec) bool {
	policy := spec.Policy.ShapingPolicy
	if policy == nil || policy.Enabled == nil || !*policy.Enabled {
		return false
	}
	return policy.AverageBandwidth <= 0 || policy.PeakBandwidth < policy.AverageBandwidth || policy.BurstSize <= 0
}

func inUse(by func(types.BaseVirtualDeviceBackingInfo) bool) bool {
	for _, entity := range simulator.Map.All("VirtualMachine") {
		config := entity.(*machine).Config
		if config == nil {
			continue
		}
		for _, device := range config.Hardware.Device {
			if by(device.GetVirtualDevice().Backing) {
				return true
			}
		}
	}
	return false
}

func contains(values []string, wanted string) bool {
	for _, value := range values {
		if value == wanted {
			return true
		}
	}
	return false
}
