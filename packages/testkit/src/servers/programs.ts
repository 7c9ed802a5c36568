/**
 * @module Where the servers' programs come from: PATH, then the folders where Debian puts them, then, for root, the
 * package manager; else an error that says what to do. Nothing is skipped in silence.
 */
import { accessSync, constants, readdirSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import { canInstall, installPackage } from "./install.ts";

/** What is looked for, and how a machine gets it. */
export interface Programs {
  /** Sets of programs that must lie in one folder, in order of preference. */
  readonly anyOf: readonly (readonly string[])[];
  readonly debianPackage: string;
  /** What to set instead, if there is something. */
  readonly urlVariable?: string;
}

const postgresFolder = "/usr/lib/postgresql";

/** Debian's folders for server programs, the newest PostgreSQL first. */
function wellKnownFolders(): string[] {
  let versions: string[];
  try {
    versions = readdirSync(postgresFolder).filter((name) => /^\d+$/.test(name));
  } catch {
    versions = [];
  }
  versions.sort((a, b) => Number(b) - Number(a));
  return [...versions.map((version) => join(postgresFolder, version, "bin")), "/usr/sbin", "/usr/bin"];
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function locate(anyOf: Programs["anyOf"]): string[] | undefined {
  const path = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => isAbsolute(folder));
  for (const folder of [...path, ...wellKnownFolders()]) {
    for (const names of anyOf) {
      const files = names.map((name) => join(folder, name));
      if (files.every(isProgram)) return files;
    }
  }
  return undefined;
}

/**
 * The absolute paths of the first set of programs that the machine has, in the order in which it names them. Takes up
 * to a minute when they have to be installed first.
 * @throws Error that says what to install, or which variable to set
 */
export async function findPrograms(
  programs: Programs,
  mayInstall: boolean = canInstall(),
): Promise<string[]> {
  const found = locate(programs.anyOf);
  if (found !== undefined) return found;
  const names = programs.anyOf.map((set) => set.join(" with ")).join(", or ");
  const instead = programs.urlVariable === undefined ? "" : `, or set ${programs.urlVariable}`;
  const advice = `Install the package ${programs.debianPackage} (or put ${names} on PATH)${instead}.`;
  if (!mayInstall) throw new Error(`This machine has no ${names}. ${advice}`);
  try {
    await installPackage(programs.debianPackage, () => locate(programs.anyOf) !== undefined);
  } catch (cause) {
    throw new Error(`This machine has no ${names}, and installing it failed. ${advice}`, { cause });
  }
  const installed = locate(programs.anyOf);
  if (installed === undefined) throw new Error(`${programs.debianPackage} brought no ${names}. ${advice}`);
  return installed;
}
