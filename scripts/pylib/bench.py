# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Revere for DPDK authors
"""Rates of this project's drivers and of their peers, in one run on the same two cores."""

import argparse
import contextlib
import json
import os
import statistics
import struct
import sys
import tempfile
import time

import perfdma
import plot
import testpmd
from testpmd import ProgramError, Testpmd

NET_SIZES = [64, 128, 256, 512, 1024, 1500]
JUMBO_SIZES = [9000]
# Bursts of 32 packets that go round; for each side and size the number that suits it best.
NET_BURSTS = [2, 4, 8, 16]
DMA_SIZES = [64, 256, 1024, 4096, 16384, 65536]
IDLE_CONTEXTS = 4095
VHOST_SIZES = [64, 128, 256, 512, 1024, 1518, 4096, 9000]
# DPDK 22.11's vhost never hands out longer packets of packed rings, whatever dmadev copies.
VHOST_PACKED_DEQUEUE_MAX = 4096
# Who copies for vhost: name in the results -> virtual device. All of the project share one Revere
# device, so that there is one thread that copies.
VHOST_WAYS = {"project": "dma_revere0,threshold=auto", "sync": "",
              "off": "dma_revere1,threshold=off", "0": "dma_revere2,threshold=0",
              "cpu": "dma_revere3,threshold=4294967295", "skeleton": "dma_skeleton"}
VHOST_NAMES = {"project": "auto", "sync": "sync", "off": "threshold=off", "0": "threshold=0",
               "cpu": "CPU alone", "skeleton": "dma_skeleton"}


def note(text):
    """Tells what goes on, apart from the results."""
    print(text, file=sys.stderr, flush=True)


# ---- Packets ---------------------------------------------------------------------------------


class Loop:
    """Packets that go round, and the port at which they are counted."""

    def __init__(self, name, options):
        self.name = name
        self.options = options
        self.best = {}  # size -> bursts

    @contextlib.contextmanager
    def running(self, jumbo):
        """Starts it; gives the testpmd processes, the counting one first."""
        with contextlib.ExitStack() as stack, \
                tempfile.TemporaryDirectory(prefix="revere-bench.") as folder:
            yield self.start(stack, folder, jumbo)

    def testpmd(self, stack, cpu, prefix, vdev, jumbo, app=()):
        """One testpmd with one forwarding core."""
        eal = testpmd.two_lcores(cpu) + testpmd.memory_args(256, self.options.huge)
        eal += ["--single-file-segments"] if self.options.huge else []
        eal += [f"--file-prefix=bench-{os.getpid()}-{prefix}"] + vdev
        return stack.enter_context(Testpmd(eal, list(app) + [
            f"--mbuf-size={9000 + 600 if jumbo else 2176}",
            f"--total-num-mbufs={8192 if jumbo else 16384}", "--rxd=1024", "--txd=1024"]))

    def measure(self, pmds, size, bursts, seconds):
        """Packets a second at the counting port."""
        for pmd in pmds:
            pmd.command("stop")
        pmds[0].command(f"set txpkts {size}")
        for pmd in pmds[1:]:
            pmd.command("start")
        pmds[0].command(f"start tx_first {bursts}")
        time.sleep(0.2)
        return pmds[0].rate(seconds)

    def rate(self, pmds, size):
        """Rate with the number of bursts that suits this size best."""
        if size not in self.best:
            self.best[size] = max(self.options.bursts, key=lambda bursts: self.measure(
                pmds, size, bursts, self.options.seconds / 3))
        figure = 0
        for _ in range(3):  # a loop that has lost all its packets is filled again
            figure = figure or self.measure(pmds, size, self.best[size], self.options.seconds)
        return figure


class Revere(Loop):
    """One testpmd on net_revere; the device's worker on the other core, the main lcore's."""

    def start(self, stack, _folder, jumbo):
        """Starts it."""
        vdev = f"--vdev=net_revere0,backend=loop,worker_cpus={testpmd.cpus()[0]}"
        return [self.testpmd(stack, testpmd.cpus()[:2][-1], "revere",
                             ["-d", testpmd.DRIVERS, vdev], jumbo,
                             ["--max-pkt-len=9600"] if jumbo else [])]


class RevereWith(Revere):
    """The same with some features on: arguments of testpmd, and commands before it starts."""

    def __init__(self, name, options, app, commands=()):
        super().__init__(name, options)
        self.app = app
        self.commands = commands

    def testpmd(self, stack, cpu, prefix, vdev, jumbo, app=()):
        """One testpmd that is configured."""
        pmd = super().testpmd(stack, cpu, prefix, vdev, jumbo, list(app) + self.app)
        for command in self.commands:
            pmd.command(command)
        return pmd


class RevereSocket(Loop):
    """The same with the device in a process of its own, revere-emu."""

    def start(self, stack, folder, jumbo):
        """Starts it."""
        path = stack.enter_context(perfdma.served(folder, "--port", "loop"))
        return [self.testpmd(stack, testpmd.cpus()[:2][-1], "socket",
                             ["-d", testpmd.DRIVERS, f"--vdev=net_revere0,socket={path}"], jumbo,
                             ["--max-pkt-len=9600"] if jumbo else [])]


class Memif(Loop):
    """Two testpmds, one core each, with shared memory between."""

    def start(self, stack, folder, jumbo):
        """Starts it."""
        args = f"socket={folder}/memif,socket-abstract=no,bsize={9000 + 600 if jumbo else 2048}"
        cpus = testpmd.cpus()
        return connected([self.testpmd(stack, cpus[i % len(cpus)], role,
                                       [f"--vdev=net_memif0,role={role},{args}"], jumbo)
                          for i, role in enumerate(["server", "client"])])


class Vhost(Loop):
    """Two testpmds, one core each: vhost's side and virtio-user's, with a packed ring."""

    def start(self, stack, folder, jumbo):
        """Starts it."""
        cpus = testpmd.cpus()
        vdevs = [f"--vdev=net_vhost0,iface={folder}/vhost,queues=1",
                 f"--vdev=net_virtio_user0,path={folder}/vhost,queues=1,queue_size=1024,"
                 "packed_vq=1"]
        return connected([self.testpmd(stack, cpus[i % len(cpus)], f"vhost{i}", [vdev], jumbo)
                          for i, vdev in enumerate(vdevs)])


def connected(pmds):
    """Waits until all ports have link."""
    for pmd in pmds:
        pmd.wait_link()
    return pmds


def bench_net(options):
    """Rows "net-loop", "net-loop-socket" with the device in another process, and features'."""
    loops = [Revere("project", options), Memif("memif", options), Vhost("vhost", options)]
    rates = {}
    for repetition in range(options.repeat):
        for loop in loops:
            note(f"net: {loop.name}, {repetition + 1} of {options.repeat}")
            for jumbo, sizes in by_buffers(options):
                loop_rates(loop, jumbo, sizes, rates)
    samples = {size: {loop.name: rates.get((loop.name, size)) for loop in loops}
               for _, sizes in by_buffers(options) for size in sizes}
    return [row("net-loop", size, "Mpps", figures) for size, figures in samples.items()] + \
        bench_socket(options) + bench_features(options) + bench_rules(options)


def by_buffers(options):
    """Whether buffers are for jumbo frames, and the sizes to measure with them."""
    return [(jumbo, sizes) for jumbo, sizes in
            ((False, options.net_sizes), (True, options.jumbo_sizes)) if sizes]


def bench_socket(options):
    """Rows "net-loop-socket": both are up all the time and run in turn, size by size.

    What they are compared for is less than what a shared machine's speed changes in a minute.
    """
    served, inside = RevereSocket("socket", options), Revere("in-process", options)
    rates = {}
    for repetition in range(options.repeat):
        note(f"net: socket and in-process, {repetition + 1} of {options.repeat}")
        for jumbo, sizes in by_buffers(options):
            with served.running(jumbo) as other, inside.running(jumbo) as same:
                for size in sizes * options.turns:
                    for loop, pmds in ((served, other), (inside, same)):
                        rate = loop.rate(pmds, size) / 1e6
                        rates.setdefault((size, loop.name), []).append(rate)
                        pmds[0].command("stop")
                same[0].quit()
                other[0].quit()
    return [row("net-loop-socket", size, "Mpps",
                {"project": rates[size, "socket"], "in-process": rates[size, "in-process"]})
            for _, sizes in by_buffers(options) for size in sizes]


# RSS: flows differ in their addresses. Checksums: the same forwarding mode, by hardware.
RSS = ["--rxq=4", "--txq=4", "--rss-udp", "--txonly-multi-flow", "--rx-offloads=0x80000"]
CHECKSUMS = ["port stop 0", "csum set ip hw 0", "csum set udp hw 0", "port start 0",
             "set fwd csum"]


# What is sent leaves in VXLAN, and is taken out of it where it arrives.
VXLAN = ["flow create 0 egress pattern eth / end actions vxlan_encap / end",
         "flow create 0 ingress pattern eth / ipv4 / udp / vxlan / end "
         "actions vxlan_decap / queue index 0 / end"]


def bench_features(options):
    """Rows "net-rss", "net-checksum", "net-vxlan": what features cost, against the plain port."""
    features = {"net-rss": RevereWith("rss", options, RSS),
                "net-checksum": RevereWith("checksum", options, ["--rx-offloads=0xe"], CHECKSUMS),
                "net-vxlan": RevereWith("vxlan", options, ["--max-pkt-len=1600"], VXLAN)}
    loops = [Revere("plain", options)] + list(features.values())
    rates = {}
    for repetition in range(options.repeat):
        for loop in loops:
            note(f"features: {loop.name}, {repetition + 1} of {options.repeat}")
            with loop.running(False) as pmds:
                for size in options.feature_sizes:
                    rates.setdefault((loop.name, size), []).append(loop.rate(pmds, size) / 1e6)
                pmds[0].quit()
    return [row(bench, size, "Mpps",
                {"project": rates[loop.name, size], "plain": rates["plain", size]})
            for bench, loop in features.items() for size in options.feature_sizes]


def packets_file(path, rules):
    """256 packets of 60 bytes for so many rules, whose source addresses count from 0.0.0.0."""
    with open(path, "wb") as file:
        file.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for number in range(256):
            ip = bytes.fromhex("4500002e0000000040110000")
            ip += struct.pack(">I", number * rules // 256)
            ip += bytes([10, 0, 0, 2])
            total = sum(struct.unpack(">10H", ip))
            ip = ip[:10] + struct.pack(">H", ~(total % 0xffff) & 0xffff) + ip[12:]
            frame = bytes.fromhex("0200000000020200000000010800") + ip + bytes(26)
            file.write(struct.pack("=IIII", 0, 0, len(frame), len(frame)) + frame)


def flow_perf(options, rules, source, *app):
    """Command line of stock dpdk-test-flow-perf, with so many rules of one shape."""
    path = testpmd.dpdk_app("dpdk-test-flow-perf")
    if path is None:
        raise ProgramError("no dpdk-test-flow-perf here: run scripts/setup")
    eal = testpmd.two_lcores(testpmd.cpus()[:2][-1]) + testpmd.memory_args(256, options.huge)
    vdev = f"net_revere0{source},worker_cpus={testpmd.cpus()[0]}"
    return [path] + eal + ["--no-pci", "-d", testpmd.DRIVERS, f"--vdev={vdev}", "--", "--ingress",
                           "--ether", "--ipv4", "--queue", f"--rules-count={rules}",
                           f"--rules-batch={min(rules, 16384)}", "--rxq=1", "--txq=1",
                           "--rxd=1024", "--txd=1024", *app]


def rules_rate(options, folder, rules):
    """Packets a second that are forwarded with so many rules."""
    packets = os.path.join(folder, "packets.pcap")
    packets_file(packets, rules)
    argv = flow_perf(options, rules, f",pcap_in={packets},pcap_infinite=1", "--enable-fwd")
    rates, start = [], 0
    with testpmd.Program(argv, 120) as program:
        while len(rates) < (2 if options.quick else 5):
            # a table each second: core, sent, dropped, received
            match = program.expect(r"^\s*1\s+(\d+)\s+\d+\s+(\d+)$", start, 90)
            start = match.end()
            rates.append(int(match.group(2)))
    return statistics.median(rates[1:]) / 1e6


def change_rates(options, rules):
    """Thousands of rules a second that are inserted, and that are deleted."""
    with testpmd.Program(flow_perf(options, rules, "", "--deletion-rate"), 120) as program:
        return [float(program.expect(rf"Rules {kind} rate -> ([\d.]+) K", 0, 90).group(1))
                for kind in ("insertion", "deletion")]


def bench_rules(options):
    """Rows "net-rules": what many rules cost, against one; and "net-rules-change": their rates."""
    many = 1024 if options.quick else 1 << 16
    rates, changes = {many: [], 1: []}, []
    with tempfile.TemporaryDirectory(prefix="revere-bench.") as folder:
        for repetition in range(options.repeat):
            for rules, samples in rates.items():
                note(f"rules: {rules}, {repetition + 1} of {options.repeat}")
                samples.append(rules_rate(options, folder, rules))
            changes.append(change_rates(options, many))
    inserted, deleted = (round(statistics.median(samples), 1) for samples in zip(*changes))
    return [row("net-rules", 60, "Mpps", {"project": rates[many], "one-rule": rates[1]}),
            {"bench": "net-rules-change", "rules": many, "inserted_k_per_s": inserted,
             "deleted_k_per_s": deleted}]


def loop_rates(loop, jumbo, sizes, rates):
    """Appends Mpps of one loop to rates[name, size]; a peer may fail, the project may not."""
    try:
        with loop.running(jumbo) as pmds:
            for size in sizes:
                rates.setdefault((loop.name, size), []).append(loop.rate(pmds, size) / 1e6)
            for pmd in pmds:
                pmd.quit()
    except ProgramError as error:
        if loop.name == "project":
            raise
        note(f"net: no figures of {loop.name}: {error}")


# ---- Copies ----------------------------------------------------------------------------------


def bench_dma(options):
    """Rows "dma-copy" and "dma-copy-socket", with the device in another process.

    memcpy is one core's, measured in the same process as the project.
    """
    rates = {}
    for repetition in range(options.repeat):
        for name, measure in DMA_COPIERS.items():
            note(f"dma: {name}, {repetition + 1} of {options.repeat}")
            for (device, size), mops in measure(options).items():
                rates.setdefault((name, device, size), []).append(mops)
    return [row("dma-copy", size, "Mops",
                {"project": rates["in-process", "dma_revere0", size],
                 "skeleton": rates["skeleton", "dma_skeleton", size],
                 "memcpy": rates["in-process", "memcpy", size]})
            for size in options.dma_sizes] + [
        row("dma-copy-socket", size, "Mops",
            {"project": rates["socket", "dma_revere1", size],
             "in-process": rates["socket", "dma_revere0", size]})
        for size in options.dma_sizes] + bench_launch(options)


def bench_launch(options):
    """Rows "dma-launch": cycles of the core that has copies done, for one of them."""
    samples = {}
    for repetition in range(options.repeat):
        for name, vdev in (("project", dma_inside()), ("skeleton", "dma_skeleton")):
            note(f"dma: launch, {name}, {repetition + 1} of {options.repeat}")
            for (_, size), cycles in perfdma.launches([vdev], options.launch_sizes,
                                                      options.huge).items():
                samples.setdefault(size, {}).setdefault(name, []).append(cycles)
    return [row("dma-launch", size, "cycles", samples[size]) for size in options.launch_sizes]


def dma_copies(options, *vdevs):
    """perfdma.copies() of these devices in turn, size by size."""
    return perfdma.copies(vdevs, options.dma_sizes, int(options.seconds * 1000), options.huge)


def dma_inside():
    """The device in the same process, alone: without the CPU's help."""
    return f"dma_revere0,threshold=off,worker_cpus={testpmd.cpus()[0]}"


def served_copies(options):
    """Of the device in the same process, and of one in another."""
    with tempfile.TemporaryDirectory(prefix="revere-bench.") as folder, \
            perfdma.served(folder) as path:
        return dma_copies(options, dma_inside(), f"dma_revere1,threshold=off,socket={path}")


DMA_COPIERS = {"in-process": lambda options: dma_copies(options, dma_inside()),
               "skeleton": lambda options: dma_copies(options, "dma_skeleton"),
               "socket": served_copies}


# ---- vhost ------------------------------------------------------------------------------------


def bench_vhost(options):
    """Rows "vhost-DIRECTION-RING-BUFFERS": packets a second of the switching core."""
    if not options.huge:
        note("vhost: no figures without 512 free hugepages of 2 MB")
        return []
    device = f",emu=vhost,worker_cpus={testpmd.cpus()[0]}"
    ways = {name: vdev + (device if "revere" in vdev else "") for name, vdev in VHOST_WAYS.items()}
    rows = []
    for kind in options.vhost_kinds:
        for direction in ("enqueue", "dequeue"):
            samples = {}
            sizes = sizes_of(kind, direction, options)
            for repetition in range(options.repeat):
                note(f"vhost: {direction}, {name_of(kind)}, {repetition + 1} of {options.repeat}")
                for at, turns in patient(perfdma.vhost, ways, sizes, direction, *kind,
                                         options.vhost_turns, options.vhost_ms).items():
                    samples.setdefault(at, []).extend(turns)
            rows += [paired_row(f"vhost-{direction}-{name_of(kind)}", size, "Mpps",
                                {name: samples[name, size] for name in ways}) for size in sizes]
    if options.svg:
        with open(options.svg, "w", encoding="utf-8") as file:
            file.write(vhost_plot(rows, options.vhost_sizes))
    return rows


def sizes_of(kind, direction, options):
    """Sizes to measure with a kind of ring."""
    most = VHOST_PACKED_DEQUEUE_MAX if kind[0] and direction == "dequeue" else max(VHOST_SIZES)
    return [size for size in options.vhost_sizes if size <= most]


def patient(measure, *args):
    """measure(*args); a peer that gives up on a busy machine has two more tries."""
    for _ in range(2):
        try:
            return measure(*args)
        except ProgramError as error:
            note(f"vhost: once more: {error}")
    return measure(*args)


def name_of(kind):
    """Name of a kind of ring: (packed, mergeable)."""
    return ("packed" if kind[0] else "split") + ("-mergeable" if kind[1] else "-single")


def vhost_plot(rows, sizes):
    """Gbit/s over sizes for the first kind of ring."""
    panels = {}
    for direction in ("enqueue", "dequeue"):
        chosen = [row for row in rows if row["bench"].startswith(f"vhost-{direction}")]
        chosen = chosen[:len(sizes)]
        figures = [dict(row["peers"], project=row["project"]) for row in chosen]
        panels[f"{chosen[0]['bench']}, Gbit/s"] = {
            label: [figure[name] * size * 8 / 1e3 for figure, size in zip(figures, sizes)]
            for name, label in VHOST_NAMES.items()}
    return plot.svg("vhost: throughput of the switching core", sizes, panels,
                    (VHOST_NAMES["cpu"], VHOST_NAMES["0"]))


# ---- Idle contexts ---------------------------------------------------------------------------


def bench_scale(options):
    """Row "scale-idle"."""
    note("scale: idle contexts")
    result = perfdma.idle_contexts(IDLE_CONTEXTS, 50 if options.quick else 200, options.huge)
    return [{"bench": "scale-idle", "contexts": result["idle"],
             "cost_percent": result["cost_percent"], "creation_seconds": result["create_s"]}]


# ---- Results ---------------------------------------------------------------------------------


def row(bench, size, unit, samples):
    """One row out of the samples of the project and of its peers."""
    medians = {name: round(statistics.median(values), 3) if values else None
               for name, values in samples.items()}
    project = medians.pop("project")
    return {"bench": bench, "size": size, "unit": unit, "project": project, "peers": medians,
            "ratio": {name: round(project / value, 3) if value else None
                      for name, value in medians.items()}}


def paired_row(bench, size, unit, samples):
    """The same of samples that were taken in turns.

    The median of the turns' ratios counts, and is seldom the ratio of the medians.
    """
    result = row(bench, size, unit, samples)
    for name in result["ratio"]:
        result["ratio"][name] = round(statistics.median(
            mine / other for mine, other in zip(samples["project"], samples[name])), 3)
    return result


def show(results):
    """The table."""
    head = None
    for result in results:
        if "peers" not in result:
            print("  ".join(f"{key} {value}" for key, value in result.items()))
            continue
        columns = ["bench", "size", "unit", "project"]
        for name in result["peers"]:
            columns += [name, "ratio"]
        if columns != head:
            head = columns
            print(line(head))
        cells = [result["bench"], result["size"], result["unit"], figure(result["project"])]
        for name, value in result["peers"].items():
            cells += [figure(value), figure(result["ratio"][name])]
        print(line(cells))


def line(cells):
    """A line of the table."""
    return "".join(f"{cell:>30}" if i == 0 else f"{cell:>11}" for i, cell in enumerate(cells))


def figure(value):
    """A number for the table."""
    return "-" if value is None else f"{value:.2f}"


BENCHES = {"net": bench_net, "dma": bench_dma, "vhost": bench_vhost, "scale": bench_scale}


def parse_arguments():
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="Measures this project and its peers side by side.")
    parser.add_argument("bench", nargs="*", metavar="net|dma|vhost|scale",
                        help="what to measure (default: all)")
    parser.add_argument("--json", metavar="FILE", help="write the figures there as JSON too")
    parser.add_argument("--svg", metavar="FILE", help="draw the figures of vhost there")
    parser.add_argument("--repeat", type=int, help="interleaved repetitions; the median counts")
    parser.add_argument("--quick", action="store_true",
                        help="fewer, shorter measurements, for tests; the figures mean little")
    parser.add_argument("--no-huge", action="store_true", help="don't use hugepages")
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    for name in options.bench:
        if name not in BENCHES:
            parser.error(f"no benchmark '{name}'; there are: {', '.join(BENCHES)}")
    if options.repeat is not None and options.repeat < 1:
        parser.error(f"--repeat {options.repeat}: must be 1 or more")
    options.repeat = options.repeat or (1 if options.quick else 3)
    options.seconds = 0.3 if options.quick else 1.0
    options.turns = 1 if options.quick else 3
    options.launch_sizes = [64] if options.quick else [64, 2048]
    options.vhost_turns, options.vhost_ms = (3, 5) if options.quick else (21, 10)
    options.bursts = [8] if options.quick else NET_BURSTS
    options.net_sizes = [64, 1500] if options.quick else NET_SIZES
    options.feature_sizes = [64] if options.quick else [64, 1500]
    options.jumbo_sizes = [] if options.quick else JUMBO_SIZES
    options.dma_sizes = [64, 16384] if options.quick else DMA_SIZES
    options.vhost_sizes = [64, 1518, 9000] if options.quick else VHOST_SIZES
    options.vhost_kinds = [(0, 1)] if options.quick else [(0, 1), (1, 1), (0, 0), (1, 0)]
    options.huge = not options.no_huge and testpmd.free_hugepages() >= 512
    return options


def main():
    """Measures, shows, writes."""
    options = parse_arguments()
    if options.check:
        return 0
    if len(testpmd.cpus()) < 2:
        note("bench: this machine has one core: both sides of each loop share it")
    if not options.huge:
        note("bench: without hugepages (--no-huge); rates are lower for all")
    results = []
    try:
        for name in options.bench or BENCHES:
            results += BENCHES[name](options)
    except ProgramError as error:
        note(f"bench: {error}")
        return 1
    show(results)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"results": results}, file, indent=1)
            file.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
