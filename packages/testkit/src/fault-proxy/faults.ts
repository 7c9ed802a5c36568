/** @module The faults that are on, shared by all connections of a proxy. */
import { MarkCounter } from "./marks.ts";

/** A way through the proxy, or both. */
export type Direction = "to-client" | "to-server";

/**
 * Which replies count: those to requests that contain the text, in upper or lower case (clients differ in how they write
 * a command), or that the function accepts.
 */
export type RequestFilter = string | ((request: string) => boolean);

export interface Blackhole {
  readonly direction: Direction | "both";
  readonly onHeal: "deliver" | "reset";
  /** Resolves when it is over. */
  readonly over: Promise<void>;
  readonly end: () => void;
}

/** What becomes of a reply. */
export type Verdict =
  | { readonly kind: "drop" }
  | { readonly kind: "pass" }
  | { readonly kind: "rewrite"; readonly bytes: Buffer };

interface AimedFault {
  readonly verdict: Verdict;
  readonly where: (request: string) => boolean;
  /** How many replies that fit are still to come, the aimed one included. */
  left: number;
}

const pass: Verdict = { kind: "pass" };

function predicateOf(where: RequestFilter | undefined): (request: string) => boolean {
  if (where === undefined) return () => true;
  if (typeof where === "function") return where;
  const text = where.toLowerCase();
  return (request) => request.toLowerCase().includes(text);
}

export class Faults {
  readonly marks: MarkCounter = new MarkCounter();
  readonly #random: () => number;
  replies = 0;
  latencyMs = 0;
  jitterMs = 0;
  /** At most so many bytes per write; undefined for no limit. */
  pieceBytes: number | undefined;
  refusing = false;
  #blackhole: Blackhole | undefined;
  #aimed: AimedFault[] = [];

  constructor(random: () => number) {
    this.#random = random;
  }

  /** How late the next chunk is to be, in milliseconds. */
  delayMs(): number {
    return this.latencyMs + this.jitterMs * this.#random();
  }

  openBlackhole(direction: Blackhole["direction"], onHeal: Blackhole["onHeal"]): void {
    this.#blackhole?.end();
    let end = (): void => {};
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#blackhole = { direction, onHeal, over, end };
  }

  blackholeOf(direction: Direction): Blackhole | undefined {
    const hole = this.#blackhole;
    return hole !== undefined && (hole.direction === direction || hole.direction === "both")
      ? hole
      : undefined;
  }

  /** Arms a fault for the n-th reply from now on that fits. */
  aim(verdict: Verdict, n: number, where: RequestFilter | undefined): void {
    if (!Number.isSafeInteger(n) || n < 1) throw new RangeError(`A reply's number is from 1, not ${n}.`);
    this.#aimed.push({ verdict, where: predicateOf(where), left: n });
  }

  /** Whether the reply to this request may be one that is aimed at. */
  aimsAt(request: string): boolean {
    return this.#aimed.some((fault) => fault.where(request));
  }

  /** Counts a complete reply and says what becomes of it. */
  judge(request: string): Verdict {
    this.replies += 1;
    let verdict = pass;
    for (const fault of this.#aimed) {
      if (!fault.where(request)) continue;
      fault.left -= 1;
      if (fault.left === 0 && verdict === pass) verdict = fault.verdict;
    }
    this.#aimed = this.#aimed.filter((fault) => fault.left > 0);
    return verdict;
  }

  /** Everything off; the marks stay. */
  clear(): void {
    this.latencyMs = 0;
    this.jitterMs = 0;
    this.pieceBytes = undefined;
    this.refusing = false;
    this.#aimed = [];
    this.#blackhole?.end();
    this.#blackhole = undefined;
  }
}
