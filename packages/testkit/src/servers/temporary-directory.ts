/** @module Temporary directories for servers that may run as another user. */
import { chmodSync, chownSync, mkdtempSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** The user that servers run as that refuse root: "nobody", which every system has. */
const nobody = 65_534;

/** The user for a server that refuses to run as root; undefined when this process is not root. */
export function unprivilegedUser(): number | undefined {
  return process.getuid?.() === 0 ? nobody : undefined;
}

/** Whether every user can reach what lies in the folder. */
function isSearchable(folder: string): boolean {
  const parent = dirname(folder);
  return (statSync(folder).mode & 0o001) !== 0 && (parent === folder || isSearchable(parent));
}

/** The system's temporary folder; for another user, the first one that this user can reach. */
function temporaryFolder(userId: number | undefined): string {
  if (userId === undefined) return tmpdir();
  return [tmpdir(), "/tmp", "/var/tmp"].find(isSearchable) ?? tmpdir();
}

/** A new directory in the temporary folder, readable by its owner only: this user, or the one given. */
export function createTemporaryDirectory(name: string, userId?: number): string {
  const directory = mkdtempSync(join(temporaryFolder(userId), `holdfast-${name}-`));
  chmodSync(directory, 0o700);
  if (userId !== undefined) chownSync(directory, userId, userId);
  return directory;
}

/** Removes a directory with everything in it; one that is gone is fine. */
export async function removeDirectory(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}
