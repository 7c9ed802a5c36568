import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startWorkers } from "../src/processes/index.ts";
import type { Workers, WorkersOptions } from "../src/processes/index.ts";
import type { AppendArgs, AppendResult } from "./processes-worker.ts";

const module = new URL("./processes-worker.ts", import.meta.url);
let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-processes-"));
  file = join(folder, "lines");
  writeFileSync(file, "");
});
afterEach(() => rmSync(folder, { recursive: true }));

const lines = (): string[] => readFileSync(file, "utf8").split("\n").slice(0, -1);

function start(
  args: Partial<AppendArgs> = {},
  options: Omit<WorkersOptions, "args" | "module"> = {},
): Workers<AppendResult> {
  return startWorkers<AppendResult>({ module, args: { file, times: 3, ...args }, ...options });
}

describe("worker processes", { timeout: 20_000 }, () => {
  it("wait for each other, then start together, and give one result each", async () => {
    await using group = start({}, { count: 3, env: { HOLDFAST_WORKER_TEST: "yes" } });
    await group.ready;
    await sleep(50);
    expect(lines()).toEqual([]);
    const goAt = Date.now();
    group.go();
    const results = await group.results;
    expect(results.map(({ index }) => index)).toEqual([0, 1, 2]);
    for (const { count, variable, startedAt } of results) {
      expect([count, variable]).toEqual([3, "yes"]);
      expect(startedAt).toBeGreaterThanOrEqual(goAt);
    }
    expect(lines().sort()).toEqual(["0", "0", "0", "1", "1", "1", "2", "2", "2"]);
    expect(new Set(group.workers.map(({ pid }) => pid)).size).toBe(3);
    expect(await Promise.all(group.workers.map(({ exit }) => exit))).toEqual(
      Array.from({ length: 3 }, () => ({ code: 0, signal: null })),
    );
    expect(group.workers[1]!.output).toContain("worker 1 is here");
  });

  it("take arguments by their number", async () => {
    await using group = startWorkers<AppendResult>({
      module,
      count: 2,
      args: (index: number) => ({ file, times: index }),
    });
    group.go();
    await group.results;
    expect(lines()).toEqual(["1"]);
  });

  it.each([
    ["before-write", 1, 0],
    ["after-write", 1, 1],
    ["before-write", 3, 2],
    ["after-write", 3, 3],
  ] as const)("are killed exactly at %s, the %i. time", async (label, occurrence, written) => {
    await using group = start({ times: 5 });
    const [worker] = group.workers;
    await worker!.ready;
    worker!.arm(label, occurrence);
    worker!.go();
    await worker!.reached(label, occurrence);
    await sleep(30);
    expect(lines()).toHaveLength(written);
    expect(await worker!.kill()).toEqual({ code: null, signal: "SIGKILL" });
    expect(lines()).toHaveLength(written);
    await expect(worker!.result).rejects.toThrow("Worker 0 was ended by SIGKILL");
  });

  it("stand still as a whole where they are armed, and go on when they are resumed", async () => {
    await using group = start({ times: 2 }, { armed: ["after-write"] });
    const [worker] = group.workers;
    worker!.go();
    await worker!.reached("after-write");
    await sleep(30);
    expect(lines()).toHaveLength(1);
    worker!.resume();
    expect((await worker!.result).timerRanWhileBlocked).toBe(false);
    expect(lines()).toHaveLength(2);
    await worker!.reached("after-write", 2);
  });

  it("report an error with its message, and an exit without a result", async () => {
    await using failing = start({ how: "throw" });
    failing.go();
    await expect(failing.results).rejects.toThrow("Worker 0 failed: on purpose");
    expect(await failing.workers[0]!.exit).toEqual({ code: 1, signal: null });
    await using leaving = start({ how: "exit" });
    leaving.go();
    await expect(leaving.workers[0]!.result).rejects.toThrow(/exited with 7.*worker 0 is here/s);
    await expect(leaving.workers[0]!.reached("before-write")).rejects.toThrow("exited with 7");
  });

  it("say why when the module cannot be run", async () => {
    await using group = startWorkers({ module: new URL("./no-such-module.ts", import.meta.url) });
    await expect(group.ready).rejects.toThrow("no-such-module");
  });

  it("are killed together at the end of a test", async () => {
    const group = start({ how: "hang" }, { count: 2 });
    group.go();
    await group.ready;
    await group[Symbol.asyncDispose]();
    expect(await Promise.all(group.workers.map(({ exit }) => exit))).toEqual(
      Array.from({ length: 2 }, () => ({ code: null, signal: "SIGKILL" })),
    );
  });

  it.each(["hang", undefined] as const)("end when their parent is killed (%s)", async (how) => {
    const index = new URL("../src/processes/index.ts", import.meta.url).href;
    const script = `
      import { startWorkers } from ${JSON.stringify(index)};
      const args = ${JSON.stringify({ file, times: 2, how })};
      const group = startWorkers({ module: new URL(${JSON.stringify(module.href)}), args, armed: ["before-write"] });
      group.go();
      await (${JSON.stringify(how)} === "hang" ? group.ready : group.workers[0].reached("before-write"));
      console.log(group.workers[0].pid);`;
    const parent = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const pid = await new Promise<string>((resolve) => createInterface(parent.stdout).once("line", resolve));
    const isRunning = (): boolean => {
      try {
        // A process that has ended keeps its entry until the system collects it; its command line is empty by then.
        return readFileSync(`/proc/${pid}/cmdline`, "utf8") !== "";
      } catch {
        return false;
      }
    };
    expect(isRunning()).toBe(true);
    parent.kill("SIGKILL");
    await expect.poll(isRunning, { timeout: 5_000 }).toBe(false);
    expect(lines()).toEqual([]);
  });
});
