"""A loop whose thread and three others contend for the interpreter's lock: aiotrace processes each switch between
them."""
import common
import rounds
from common import table, verdict
from figure_spin import both_rates

PROGRAM, ARGUMENTS = "gil_contention.py", ("--ready", "1", "--seconds", "600", "--interval", "0.2")


def run(quick, python):
    python = python or common.sys.executable
    way = rounds.Aiotrace()
    with common.program(PROGRAM, *ARGUMENTS, python=python, cpu=common.TARGET_CPU) as (first, _), \
            common.program(PROGRAM, *ARGUMENTS, python=python, cpu=common.TARGET_CPU) as (second, _):
        pair = [first, second]
        ratio = rounds.side_by_side([p.pid for p in pair], lambda: both_rates(pair, 5), way, 5 if quick else 20)
    table([["work per CPU second, of two at once on one CPU", ratio, ">= 0.98", verdict(ratio.reaches(0.98))],
           ["losses", {name: count for name, count in way.losses.items() if count} or "none", "", ""]], ["contending threads", "measured", "must", ""])
