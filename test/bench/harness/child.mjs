/**
 * The process in which one variant runs once: imports its file, runs it, measures, tells the parent and leaves.
 *
 * The measurement covers the call of `run(params)`, without the start of Node and the loading of packages. Memory is the peak
 * of the whole process (max RSS). A variant that drives other processes returns its own figures.
 */
const { file, params } = JSON.parse(String(process.argv[2]));
const { run } = await import(file);

const cpuBefore = process.cpuUsage();
const before = performance.now();
const figures = (await run(params)) ?? {};
const seconds = (performance.now() - before) / 1000;
const cpu = process.cpuUsage(cpuBefore);
const cpuSeconds = (cpu.user + cpu.system) / 1e6;
const peakMb = process.resourceUsage().maxRSS / 1024;

process.send?.({ seconds, cpuSeconds, peakMb, ...figures }, () => process.exit(0));
