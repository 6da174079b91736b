"""JUnit's XML, as GitLab and GitHub's actions read it: a suite for each run, a case for each test, by its stable id."""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from .run import Run
from .summary import labels, summarize


def write(runs: Sequence[Run]) -> str:
    """Write runs. What the driver was not put to, or failed as expected, is skipped."""
    root = ET.Element("testsuites", name="vifkit-conformance")
    for run, name in zip(runs, labels(runs), strict=True):
        counts = summarize(run).counts
        wrong = len(run["complaints"])
        skipped = counts.total() - counts["held"] - counts["failed"]
        suite = ET.SubElement(root, "testsuite", name=name, timestamp=run["started"], hostname=run["host"])
        suite.attrib |= {
            "tests": str(counts.total() + wrong),
            "failures": str(counts["failed"] + wrong),
            "errors": "0",
        }
        suite.attrib |= {"skipped": str(skipped), "time": f"{run['seconds']:.3f}"}
        properties = ET.SubElement(suite, "properties")
        for key, value in {"vifkit-conformance": run["suite"], **run["versions"]}.items():
            ET.SubElement(properties, "property", name=key, value=value)
        for test in run["tests"]:
            module, _, case = test["id"].partition(".py::")
            found = ET.SubElement(suite, "testcase", classname=f"{name}.{module}", name=case)
            found.set("time", f"{test['seconds']:.3f}")
            if test["outcome"] == "failed":
                failure = ET.SubElement(found, "failure", message=test["reason"])
                failure.text = f"{test['mend']}\n\n{test['said']}".strip()
            elif test["outcome"] != "held":
                ET.SubElement(found, "skipped", message=f"{test['outcome']}: {test['reason']}")
        for number, complaint in enumerate(run["complaints"], 1):
            case = ET.SubElement(suite, "testcase", classname=f"{name}.run", name=f"complaint {number}", time="0.000")
            ET.SubElement(case, "failure", message=complaint).text = complaint
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False) + "\n"
