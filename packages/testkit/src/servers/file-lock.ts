/** @module A lock between the processes of one machine: a file that holds the id of the process that has it. */
import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function tryLock(path: string): boolean {
  try {
    const file = openSync(path, "wx");
    writeSync(file, String(process.pid));
    closeSync(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return false;
  }
}

/** The process that has the lock; undefined while it is writing its id, or when the lock is gone. */
function holderOf(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, "utf8"));
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Does the work while no other process does that uses the same path. The lock of a process that died is taken over; two
 * that find such a lock in the same instant can both get in.
 * @throws Error when a living process holds it for longer than `patienceMs`
 */
export async function withFileLock<T>(path: string, patienceMs: number, work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + patienceMs;
  while (!tryLock(path)) {
    const holder = holderOf(path);
    if (holder !== undefined && !isAlive(holder)) rmSync(path, { force: true });
    else if (Date.now() > deadline)
      throw new Error(`${path} is held by process ${holder ?? "(unknown)"} for more than ${patienceMs} ms.`);
    else await sleep(Math.min(200, patienceMs / 10));
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}
