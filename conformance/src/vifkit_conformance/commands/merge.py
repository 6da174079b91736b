"""The command `vifkit-conformance merge`. What takes long to import is imported when it runs."""

from pathlib import Path

import click


@click.command()
@click.argument("reports", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="DIR_OR_JSON...")
@click.option("--into", required=True, type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
def merge(reports: tuple[Path, ...], into: Path) -> None:
    """Join reports of several drivers, hosts or shards into one matrix.

    Each is a folder of --vifkit-report, or its report.json. Runs of one driver on one host with the same versions are
    shards of one run: a test that was judged twice has the worse outcome. DIR gets the files that --vifkit-report
    writes; the path of the page is printed.

    \b
    Example:
      vifkit-conformance merge reports/netns reports/qemu --into reports/all
    """
    from ..report import files
    from ..report.merge import merge
    from ..report.reading import ReportError, read

    try:
        runs = merge(run for path in reports for run in read(path))
    except ReportError as error:
        raise click.ClickException(str(error)) from error
    click.echo(files.write(runs, into))
