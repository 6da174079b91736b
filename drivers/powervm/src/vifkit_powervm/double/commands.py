"""The commands of an HMC: their options, and what each says."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from .shell import ShellError, split
from .system import ETHERNET, LPAR, OFF, PROFILE, REGION_MIB, Lpar, ManagedSystem, read_adapters
from .text import Refusal, insist, listed, read_list, read_record

VERSION = """"version= Version: 10
 Release: 3
 Service Pack: 1060
HMC Build level 2408210051
","base_version=V10R3
"
"""
"""What `lshmc -V` says, in the form that HMC V8R8.2 was seen to."""

Options = Mapping[str, str]
# The options of each command; of those that end in '=' the next word is the value.
_OPTIONS = {
    "lshmc": ("-V",),
    "lssyscfg": ("-r=", "-m=", "--filter=", "-F=", "--header"),
    "mksyscfg": ("-r=", "-m=", "-i=", "-f="),
    "chsyscfg": ("-r=", "-m=", "-i=", "-f="),
    "rmsyscfg": ("-r=", "-m=", "-n=", "--id="),
    "chsysstate": ("-r=", "-m=", "-o=", "-n=", "--id=", "-f=", "--immed"),
    "lshwres": ("-r=", "-m=", "--rsubtype=", "--level=", "--filter=", "-F=", "--header"),
    "chhwres": ("-r=", "-m=", "--rsubtype=", "-o=", "-p=", "-s=", "-a="),
}


def carry_out(system: ManagedSystem, line: str) -> tuple[int, str]:
    """Do what a line says; give the status and what is written to standard output."""
    try:
        program, *words = split(line)
    except (ShellError, ValueError) as error:
        return 1, f"hmcbash: {error}\n"
    if program not in _OPTIONS:
        return 127, f"hmcbash: {program}: command not found\n"
    try:
        return 0, _COMMANDS[program](system, _options(program, words))
    except Refusal as refusal:
        return 1, f"{refusal}\n"


def _options(program: str, words: Sequence[str]) -> Options:
    known, found, rest = _OPTIONS[program], {}, list(words)
    while rest:
        word = rest.pop(0)
        insist(word in known or f"{word}=" in known, f"{program}: the parameter {word} is not valid.")
        insist(word not in found, f"{program}: the parameter {word} is given twice.")
        insist(word in known or rest, f"{program}: the parameter {word} has no value.")
        found[word] = "" if word in known else rest.pop(0)
    return found


def _system(system: ManagedSystem, options: Options) -> None:
    name = options.get("-m", "")
    mtms = f"{system.row['type_model']}*{system.row['serial_num']}"
    insist(name in (system.row["name"], mtms), f"HSCL8018 The managed system {name} was not found.")


def _chosen(system: ManagedSystem, options: Options, *more: str) -> tuple[list[Lpar], dict[str, list[str]]]:
    """Give the LPARs that a filter names, or all, and what else it names."""
    given = read_record(options["--filter"]) if "--filter" in options else {}
    filters = {name: read_list(value) for name, value in given.items()}
    insist(filters.keys() <= {"lpar_names", *more}, "The filter is not valid.")
    for name in filters.get("lpar_names", []):
        system.find(name)
    wanted = filters.get("lpar_names", list(system.lpars))
    return [each for each in system.looked_at() if each.said["name"] in wanted], filters


def _list(options: Options, rows: Iterable[Mapping[str, str]], default: Sequence[str]) -> str:
    names = options["-F"].split(",") if "-F" in options else None
    return listed(rows, names, "--header" in options, default)


def _lshmc(_system: ManagedSystem, options: Options) -> str:
    insist("-V" in options, "lshmc: a parameter is missing.")
    return VERSION


def _lssyscfg(system: ManagedSystem, options: Options) -> str:
    if options.get("-r") == "sys":
        if "-m" in options:
            _system(system, options)
        return _list(options, [system.row], tuple(system.row))
    _system(system, options)
    if options.get("-r") == "lpar":
        lpars, _ = _chosen(system, options)
        return _list(options, [each.said for each in lpars], LPAR)
    insist(options.get("-r") == "prof", "The resource type is not valid.")
    lpars, filters = _chosen(system, options, "profile_names")
    rows = [
        {"name": name, "lpar_name": each.said["name"], "lpar_id": str(each.lpar_id), **profile}
        for each in lpars
        for name, profile in each.profiles.items()
        if name in filters.get("profile_names", [name])
    ]
    return _list(options, rows, ("name", "lpar_name", "lpar_id", *PROFILE))


def _mksyscfg(system: ManagedSystem, options: Options) -> str:
    _system(system, options)
    insist(options.get("-r") == "lpar", "The resource type is not valid.")
    return _each(system, options, system.make)


def _chsyscfg(system: ManagedSystem, options: Options) -> str:
    _system(system, options)
    change = {"lpar": system.change, "prof": system.change_profile}.get(options.get("-r", ""))
    if change is None:
        raise Refusal("The resource type is not valid.")
    return _each(system, options, change)


def _each(system: ManagedSystem, options: Options, change: Callable[[Mapping[str, str]], None]) -> str:
    """Carry out a record, or each line of a file in the user's home."""
    insist(("-i" in options) != ("-f" in options), "Either -i or -f must be given.")
    records = [options["-i"]] if "-i" in options else system.lines(options["-f"])
    for each in records:
        change(read_record(each))
    return ""


def _rmsyscfg(system: ManagedSystem, options: Options) -> str:
    _system(system, options)
    insist(options.get("-r") == "lpar", "The resource type is not valid.")
    system.remove(_partition(system, options))
    return ""


def _chsysstate(system: ManagedSystem, options: Options) -> str:
    _system(system, options)
    insist(options.get("-r") == "lpar", "The resource type is not valid.")
    name = _partition(system, options)
    if options.get("-o") == "on" and "--immed" not in options:
        system.activate(name, options.get("-f"))
    elif options.get("-o") == "shutdown" and "--immed" in options and "-f" not in options:
        system.shut_down(name)
    else:
        raise Refusal("chsysstate: the operation is not valid.")
    return ""


def _lshwres(system: ManagedSystem, options: Options) -> str:
    _system(system, options)
    match options.get("-r"), options.get("--rsubtype"), options.get("--level"):
        case "mem", None, "sys":
            return _list(options, [{"mem_region_size": str(REGION_MIB)}], ("mem_region_size",))
        case "virtualio", "vswitch", None:
            rows = [{"vswitch": name, "vlan_ids": ids} for name, ids in system.switches.items()]
            return _list(options, rows, ("vswitch", "vlan_ids"))
        case "virtualio", "eth", "lpar":
            lpars, filters = _chosen(system, options, "slots")
            rows = [
                {"lpar_name": each.said["name"], "lpar_id": str(each.lpar_id), **adapter}
                for each in lpars
                for slot, adapter in sorted(each.ethernet.items())
                if str(slot) in filters.get("slots", [str(slot)])
            ]
            return _list(options, rows, ETHERNET)
    raise Refusal("lshwres: a parameter is missing or not valid.")


def _chhwres(system: ManagedSystem, options: Options) -> str:
    _system(system, options)
    insist((options.get("-r"), options.get("--rsubtype")) == ("virtualio", "eth"), "The resource type is not valid.")
    lpar, slot = system.find(options.get("-p", "")), options.get("-s", "")
    insist(slot.isdecimal() and lpar.said["state"] != OFF, "The virtual slot number is not valid.")
    if options.get("-o") == "r":
        insist(lpar.ethernet.pop(int(slot), None), "The virtual slot is empty.")
        return ""
    insist(options.get("-o") == "a" and int(slot) not in lpar.ethernet, "The virtual slot is in use.")
    given = {"vswitch": "ETHERNET0", "mac_addr": "", **read_record(options.get("-a", ""))}
    insist(given["vswitch"] in system.switches, f"The virtual switch {given['vswitch']} was not found.")
    mac = given["mac_addr"] or f"6AB0{lpar.lpar_id:06X}{int(slot):02X}"
    item = f"{slot}/{given['ieee_virtual_eth']}/{given['port_vlan_id']}//0/0/{given['vswitch']}/{mac}//"
    (lpar.ethernet[int(slot)],) = read_adapters(item)
    return ""


def _partition(system: ManagedSystem, options: Options) -> str:
    if "--id" in options:
        found = [name for name, each in system.lpars.items() if str(each.lpar_id) == options["--id"]]
        insist(found, f"HSCL8012 The partition with the ID {options['--id']} was not found.")
        return found[0]
    return options.get("-n", "")


_COMMANDS: Mapping[str, Callable[[ManagedSystem, Options], str]] = {
    "lshmc": _lshmc,
    "lssyscfg": _lssyscfg,
    "mksyscfg": _mksyscfg,
    "chsyscfg": _chsyscfg,
    "rmsyscfg": _rmsyscfg,
    "chsysstate": _chsysstate,
    "lshwres": _lshwres,
    "chhwres": _chhwres,
}
