"""An HMC's double: a real SSH server, behind it the commands of an HMC and the LPARs of one managed system, in memory.

What it knows is what these tell; it refuses everything else.

- Syntax, attributes, records: IBM, "HMC Manual Reference Pages": LSSYSCFG, MKSYSCFG, CHSYSCFG, RMSYSCFG, CHSYSSTATE,
  LSHWRES, CHHWRES, LSHMC (https://www.ibm.com/docs/en/power10/7063-CR2?topic=commands-mksyscfg and its neighbours).
- What `lssyscfg -r lpar` lists: Veritas, "Storage Foundation and High Availability Solutions 6.1 Virtualization Guide"
  for AIX. `lshwres --rsubtype eth`: IBM, https://www.ibm.com/support/docview.wss?uid=isg3T7000527.
- What a live HMC, V10R3, says: the records in github.com/randomparity/hmc-mcp. Errors are on standard output, with
  status 1; 'An invalid attribute was entered.  …'; 'No results were found.' with status 0; the codes HSCL8012,
  HSCL8018, HSCL3680, HSCL0622; `uuid` and `description` as attributes of an LPAR.
- HSCL3681 and HSCL1558, where an LPAR is on or off already: nova-powervm, virt/powervm/power.py. HSCL350B, where a user
  lacks authority: IBM's Ansible collection power_hmc.

The words behind these codes, and messages without a code, are this double's own: nobody may rely on them.
"""
