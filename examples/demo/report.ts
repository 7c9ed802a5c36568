/**
 * @module The printed report: one block per scene, one line per fact or check. Verdicts stand at the left edge, where they
 * can be read down the page.
 */

const QUOTE_WIDTH = 100;
const LABEL_WIDTH = 31;

/** A line of a scene: a fact, or a check when it has `ok`; with a label, or text as it is. */
export type Line = ({ readonly label: string; readonly value: string } | { readonly text: string }) & {
  readonly ok?: boolean;
};

export interface Scene {
  readonly title: string;
  readonly lines: readonly Line[];
}

/** Something to know; nothing is judged. */
export function fact(label: string, value: string): Line {
  return { label, value };
}

/** Something that has to be so. */
export function check(label: string, value: string, ok: boolean): Line {
  return { label, value, ok };
}

/** A longer text, wrapped and quoted. */
export function quote(text: string): Line[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + word.length + 1 > QUOTE_WIDTH) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line].map((part) => ({ text: `| ${part}` }));
}

/** Rows of cells with aligned columns; the first `left` columns to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[], left: number): string[] {
  const widths = rows.reduce<number[]>(
    (widest, row) => row.map((cell, column) => Math.max(widest[column] ?? 0, cell.length)),
    [],
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column < left ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("  "),
  );
}

export class Report {
  #scenes = 0;
  #checks = 0;
  #wrong = 0;

  heading(lines: readonly string[]): void {
    for (const line of lines) console.log(line);
  }

  scene({ title, lines }: Scene): void {
    this.#scenes += 1;
    const checks = lines.map(({ ok }) => ok).filter((ok) => ok !== undefined);
    const wrong = checks.filter((ok) => !ok).length;
    this.#checks += checks.length;
    this.#wrong += wrong;
    console.log(`\n${verdict(wrong)}  ${this.#scenes}. ${title}`);
    for (const line of lines) {
      const mark = line.ok === undefined ? "" : line.ok ? "ok" : "WRONG";
      const text = "text" in line ? line.text : `${line.label.padEnd(LABEL_WIDTH)}  ${line.value}`;
      console.log(`${mark.padStart(5)}  ${text}`.trimEnd());
    }
  }

  /** @returns the exit code */
  conclude(): number {
    const right = this.#checks - this.#wrong;
    console.log(`\n${verdict(this.#wrong)}  ${right} of ${this.#checks} checks are right.`);
    return this.#wrong === 0 ? 0 : 1;
  }
}

function verdict(wrong: number): string {
  return wrong === 0 ? "[PASS]" : "[FAIL]";
}
