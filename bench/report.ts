/** @module Rows, the table they are printed in, and the files they are kept in. */
import { readFile, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import type { FailedArm } from "./harness.ts";

/** One line of the report. Figures are texts with their unit, as they are printed; `value` is the number judged. */
export interface Row {
  readonly group: string;
  readonly quantity: string;
  readonly ours: string;
  /** The floor or the peer that it is compared with. */
  readonly against?: string;
  readonly ratio?: string;
  readonly target?: string;
  /** When it was measured; filled in when it is written. */
  readonly date?: string;
  /** Absent when the row has no target: a peer, or a figure for orientation. */
  readonly met?: boolean;
}

export interface Environment {
  readonly date: string;
  readonly node: string;
  readonly cpus: number;
  readonly mode: "full" | "quick";
  readonly packages: Readonly<Record<string, string>>;
}

const COLUMNS = ["quantity", "ours", "floor / peer", "ratio", "target", "met"] as const;

/** A target that is met when the value is at most the limit; a value that could not be measured misses it. */
export function atMost(value: number | undefined, limit: number): boolean {
  return value !== undefined && value <= limit;
}

export function failedRows(group: string, failed: readonly FailedArm[]): Row[] {
  return failed.map(({ name, failure }) => ({
    group,
    quantity: name,
    ours: "did not run",
    against: failure,
  }));
}

export function micros(value: number | undefined): string {
  if (value === undefined) return "-";
  return `${value.toFixed(Math.abs(value) < 0.1 ? 3 : Math.abs(value) < 100 ? 2 : 0)} us`;
}

export function times(value: number | undefined): string {
  if (value === undefined) return "-";
  return `${value.toFixed(Math.abs(value) < 0.1 ? 3 : Math.abs(value) < 10 ? 2 : 1)}x`;
}

export function percent(value: number | undefined): string {
  return value === undefined ? "-" : `${(value * 100).toFixed(1)} %`;
}

export async function environment(
  mode: Environment["mode"],
  packages: readonly string[],
): Promise<Environment> {
  const versions: Record<string, string> = {};
  for (const name of packages) versions[name] = await versionOf(name);
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    cpus: availableParallelism(),
    mode,
    packages: versions,
  };
}

/** From the installed package itself; most do not export their package.json. */
async function versionOf(name: string): Promise<string> {
  const file = new URL(`./node_modules/${name}/package.json`, import.meta.url);
  const manifest = await readFile(file, "utf8").catch(() => "{}");
  return (JSON.parse(manifest) as { version?: string }).version ?? "not installed";
}

export function toText(rows: readonly Row[]): string {
  const lines: string[] = [];
  for (const [group, ofGroup] of byGroup(rows)) {
    const cells = [[...COLUMNS], ...ofGroup.map(cellsOf)];
    const widths = widthsOf(cells);
    const [head, ...body] = cells.map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join("  ")
        .trimEnd(),
    );
    lines.push("", group, "", head!, widths.map((width) => "-".repeat(width)).join("  "), ...body);
  }
  return lines.join("\n");
}

export function toMarkdown(rows: readonly Row[], of: Environment): string {
  const packages = Object.entries(of.packages).map(([name, version]) => `${name} ${version}`);
  const lines = [
    "# Benchmark results",
    "",
    `${of.date}, Node ${of.node}, ${of.cpus} CPUs, ${of.mode} run. Written by \`pnpm bench\`.`,
    "",
    `Packages: ${packages.join(", ")}.`,
    "",
    "Compare ratios, not microseconds: arms were interleaved in shuffled rounds in one process, and a ratio is the median",
    "over rounds of the ratio within a round. Times are thread CPU unless a row says otherwise.",
  ];
  for (const [group, ofGroup] of byGroup(rows)) {
    const cells = [[...COLUMNS], ...ofGroup.map(cellsOf)].map((row) =>
      row.map((cell) => cell.replaceAll("|", "\\|")),
    );
    const widths = widthsOf(cells);
    const [head, ...body] = cells.map(
      (row) => `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`,
    );
    lines.push(
      "",
      `## ${group}`,
      "",
      `Measured ${ofGroup[0]?.date ?? of.date}.`,
      "",
      head!,
      `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`,
      ...body,
    );
  }
  return `${lines.join("\n")}\n`;
}

/** Replaces the groups that have been measured again; the others stay as they are, each with its date. */
export async function writeReport(measured: readonly Row[], of: Environment): Promise<void> {
  const fresh = measured.map((row) => ({ ...row, date: of.date }));
  const groups = new Set(fresh.map(({ group }) => group));
  const rows = [...(await rowsKept()).filter(({ group }) => !groups.has(group)), ...fresh];
  await writeFile(new URL("./results.md", import.meta.url), toMarkdown(rows, of));
  await writeFile(
    new URL("./results.json", import.meta.url),
    `${JSON.stringify({ ...of, rows }, null, 2)}\n`,
  );
}

async function rowsKept(): Promise<readonly Row[]> {
  const text = await readFile(new URL("./results.json", import.meta.url), "utf8").catch(() => '{"rows":[]}');
  const { date, rows } = JSON.parse(text) as { readonly date?: string; readonly rows: readonly Row[] };
  return rows.map((row) => (date === undefined ? row : { date, ...row }));
}

function byGroup(rows: readonly Row[]): ReadonlyMap<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) groups.set(row.group, [...(groups.get(row.group) ?? []), row]);
  return groups;
}

function cellsOf(row: Row): string[] {
  const met = row.met === undefined ? "" : row.met ? "yes" : "MISSED";
  return [row.quantity, row.ours, row.against ?? "", row.ratio ?? "", row.target ?? "", met];
}

function widthsOf(cells: readonly (readonly string[])[]): readonly number[] {
  return COLUMNS.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
}
