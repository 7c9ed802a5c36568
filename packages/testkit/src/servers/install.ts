/** @module Installs a Debian package for root, one process at a time, and leaves no system service running. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withFileLock } from "./file-lock.ts";

const lockPatienceMs = 10 * 60_000;

function run(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = { env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024 };
    execFile(file, args, options, (error, stdout, stderr) => {
      if (error === null) resolve();
      else reject(new Error(`${file} ${args.join(" ")} failed:\n${(stdout + stderr).slice(-2_000)}`));
    });
  });
}

/** Whether this process may install Debian packages. */
export function canInstall(): boolean {
  return process.getuid?.() === 0 && existsSync("/usr/bin/apt-get");
}

/**
 * Installs a package, unless `installed` says that another process has meanwhile done so.
 * @throws Error with the package manager's output
 */
export async function installPackage(name: string, installed: () => boolean): Promise<void> {
  await withFileLock(join(tmpdir(), "holdfast-testkit-install.lock"), lockPatienceMs, async () => {
    if (installed()) return;
    const patience = ["-o", "DPkg::Lock::Timeout=300"];
    // In run level 1 the package's scripts start no service; where they do all the same, it is stopped below.
    const env = { DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
    await run("apt-get", [...patience, "-qq", "update"], env);
    await run("apt-get", [...patience, "install", "-y", "--no-install-recommends", name], env);
    await run("service", [name, "stop"]).catch(() => {});
  });
}
