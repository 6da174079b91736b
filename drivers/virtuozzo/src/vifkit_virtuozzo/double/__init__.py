"""A double of prlctl: what its reference documents of the commands that matter here, and it refuses all else.

Sources: the manual page prlctl(8) of OpenVZ (commands, options), and the texts of OpenVZ's own prlctl (src/PrlVm.cpp,
PrlDev.cpp and PrlOutFormatter.cpp: what it says, its JSON; src/Utils.cpp: exit status 255 for what fails). It knows
`--version`, `list` (`-a`, `-i`, `-j`, one or all), `create` (`--vmtype`, `--uuid`, `--no-hdd`), `set` (`--name`,
`--description`, `--device-add net`, `--device-del`), `start`, `stop` (`--kill`), `pause`, `resume`, `delete` and
`unregister`.

A container or virtual machine that runs is a process in a network namespace of its own, each of its adapters one end
of a veth pair whose other end is the host's vme device, as Virtuozzo makes it.
"""
