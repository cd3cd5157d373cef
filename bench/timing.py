"""Timing on noisy machines: baseline and subject in turn, medians, CPU seconds beside wall."""

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """One measurement: units a CPU second and a wall second, of the subject and of its baseline.

    The ratios are how many times the baseline's time the subject takes for the same units; less is better.
    """

    name: str
    baseline: str
    unit: str
    per_cpu_second: float
    per_second: float
    baseline_per_cpu_second: float
    baseline_per_second: float

    @property
    def cpu_ratio(self) -> float:
        """Subject's CPU time over the baseline's."""
        return self.baseline_per_cpu_second / self.per_cpu_second

    @property
    def wall_ratio(self) -> float:
        """Subject's wall time over the baseline's."""
        return self.baseline_per_second / self.per_second


def compare(
    name: str, unit: str, subject: Callable[[], int], baseline_name: str, baseline: Callable[[], int], rounds: int
) -> Result:
    """Run both in turn, `rounds` times after one that is not counted; each returns how many units it did."""
    timings: dict[str, list[tuple[float, float]]] = {"subject": [], "baseline": []}
    for turn in range(rounds + 1):
        for which, work in (("baseline", baseline), ("subject", subject)):
            cpu, began = time.process_time(), time.perf_counter()
            units = work()
            took = (max(time.process_time() - cpu, 1e-6), time.perf_counter() - began)
            if turn:
                timings[which].append((units / took[0], units / took[1]))
    cpu, wall, plain_cpu, plain_wall = (
        statistics.median(t[i] for t in timings[which]) for which in ("subject", "baseline") for i in (0, 1)
    )
    return Result(name, baseline_name, unit, cpu, wall, plain_cpu, plain_wall)


def server_cpu(pid: int) -> float:
    """CPU seconds of another process (Linux)."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:  # noqa: PTH123 - procfs is not a path to keep
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
