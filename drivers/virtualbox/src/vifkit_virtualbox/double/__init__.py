"""A double of VBoxManage 7.0: what its manual documents of the commands that matter here, and it refuses all else.

Sources: the Oracle VirtualBox User Manual for Release 7.0, chapter 8 "VBoxManage" (commands and options), and the
texts of VirtualBox's own src/VBox/Frontends/VBoxManage (formats, error texts, exit status 1 for what fails and 2 for
what is not understood). It knows `--version`, `list vms` and `list runningvms` (`--long`), `showvminfo`, `createvm`,
`modifyvm` (network adapters, name, description, groups), `unregistervm`, `startvm --type headless`, `controlvm`
(`poweroff`, `pause`, `resume`, `savestate`, `reset`), `getextradata` and `setextradata`.

A virtual machine that runs is a process in a network namespace of its own. Each bridged adapter is a macvlan on its
host interface: like VirtualBox's own filter it attaches to a device that stays where it is.
"""
