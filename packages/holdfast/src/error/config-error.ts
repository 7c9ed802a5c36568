import { hasCode, HoldfastError } from "./holdfast-error.ts";

/** One thing that is wrong in a configuration. */
export interface ConfigProblem {
  /** Where: `budgets[0].limit.usd`. */
  readonly field: string;
  /** What is wrong and what to write instead. */
  readonly problem: string;
}

/** The configuration cannot be used. Lists everything that is wrong with it; thrown before any call. */
export class ConfigError extends HoldfastError {
  override readonly name: string = "ConfigError";
  readonly code = "CONFIG_INVALID" as const;
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(`Invalid Holdfast configuration:\n${problems.map((p) => `  ${p.field} ${p.problem}`).join("\n")}`);
    this.problems = problems;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return hasCode(value, "CONFIG_INVALID");
  }
}
