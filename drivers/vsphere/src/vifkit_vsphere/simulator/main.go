// Runs govmomi's simulator, vcsim, as vCenter or as a standalone ESX on a loopback address, for as long as its standard
// input stays open. The first line of that is the password. The URL goes to standard output, in one line.
//
// What it does beyond vcsim is in strict.go, and is ours.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/simulator/esx"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/types"
)

var (
	mode        = flag.String("mode", "vcenter", "vcenter or esx")
	user        = flag.String("user", "root", "who may log in")
	network     = flag.String("network", "br0", "the port group that there is")
	machines    = flag.Int("machines", 0, "virtual machines that there are, shut off")
	certificate = flag.String("certificate", "", "the file that gets the certificate, which signs itself")
	expired     = flag.Bool("expired", false, "let the certificate be one that was valid until yesterday")
	delay       = flag.Int("delay", 0, "milliseconds that every call takes longer")
	rivals      = flag.Int("rivals", 0, "how many of the changes that name a version somebody else is quicker with")
	trace       = flag.String("trace", "", "the file that gets every request and response, secrets included")
)

func main() {
	log.SetOutput(os.Stderr)
	flag.Parse()
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	input := bufio.NewReader(os.Stdin)
	password, err := input.ReadString('\n')
	if err != nil {
		return fmt.Errorf("no password on standard input: %w", err)
	}
	model := simulator.VPX()
	model.Host, model.ClusterHost = 0, 2
	if *mode == "esx" {
		model = simulator.ESX()
	}
	model.Autostart = false
	model.Machine = *machines
	model.DelayConfig.Delay = *delay
	defer model.Remove()
	if err = model.Create(); err != nil {
		return err
	}
	pair, err := selfSigned(*certificate, *expired)
	if err != nil {
		return err
	}
	model.Service.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	model.Service.Listen = &url.URL{Host: "127.0.0.1:0", User: url.UserPassword(*user, strings.TrimRight(password, "\n"))}
	beStrict()
	if err = addNetwork(model.Service); err != nil {
		return err
	}
	if *trace != "" {
		file, err := os.OpenFile(*trace, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0600)
		if err != nil {
			return err
		}
		simulator.TraceFile, simulator.Trace = file, true
	}
	server := model.Service.NewServer()
	fmt.Println("https://" + server.URL.Host + server.URL.Path)

	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		_, _ = io.Copy(io.Discard, input)
		ended <- syscall.SIGTERM
	}()
	<-ended
	return nil
}

// addNetwork makes the port group by the calls that any client would use.
func addNetwork(service *simulator.Service) error {
	ctx := context.Background()
	client, err := vim25.NewClient(ctx, service)
	if err != nil {
		return err
	}
	if *mode == "esx" {
		system, err := object.NewHostSystem(client, esx.HostSystem.Reference()).ConfigManager().NetworkSystem(ctx)
		if err != nil {
			return err
		}
		return system.AddPortGroup(ctx, types.HostPortGroupSpec{Name: *network, VswitchName: "vSwitch0"})
	}
	dvs := object.NewDistributedVirtualSwitch(client, simulator.Map.Any("DistributedVirtualSwitch").Reference())
	task, err := dvs.AddPortgroup(ctx, []types.DVPortgroupConfigSpec{{
		Name: *network, Type: string(types.DistributedVirtualPortgroupPortgroupTypeEarlyBinding), NumPorts: 8,
	}})
	if err != nil {
		return err
	}
	return task.Wait(ctx)
}
