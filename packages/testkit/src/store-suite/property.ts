/** @module The property: over any sequence of operations, a store answers and counts exactly as the model does. */
import fc from "fast-check";
import { ledgerCommands } from "./property-commands.ts";
import { MOVING_SCOPES, STANDING_SCOPES } from "./property-universe.ts";
import { World } from "./property-world.ts";
import { waitingClock, type CreateStore } from "./store-under-test.ts";

export interface PropertySettings {
  /** Random sequences to try. @default 300 */
  readonly numRuns?: number;
  /** Operations in one sequence, at most. @default 40 */
  readonly maxCommands?: number;
  /** The same seed gives the same sequences; vary it in long runs. @default 20261121 */
  readonly seed?: number;
  /** From a failure report, with its seed: runs only that sequence. */
  readonly path?: string;
  /** Report the first failing sequence as it is, not the smallest one. @default false */
  readonly endOnFailure?: boolean;
}

/** Rejects with the smallest failing sequence of operations, its seed and its path. */
export async function checkAgainstModel(
  createStore: CreateStore,
  settings: PropertySettings & { readonly now?: () => number } = {},
): Promise<void> {
  const timeMoves = await hasSteppedClock(createStore);
  const commands = fc.commands(
    ledgerCommands({ scopes: timeMoves ? MOVING_SCOPES : STANDING_SCOPES, timeMoves }),
    { maxCommands: settings.maxCommands ?? 40, size: "max", disableReplayLog: true },
  );
  const property = fc.asyncProperty(commands, async (sequence) => {
    const made = await createStore();
    try {
      const world = new World(made.store, made.clock ?? waitingClock(settings.now ?? Date.now));
      await fc.asyncModelRun(() => ({ model: world, real: world }), sequence);
    } finally {
      await made.dispose();
    }
  });
  await fc.assert(property, {
    numRuns: settings.numRuns ?? 300,
    seed: settings.seed ?? 20261121,
    endOnFailure: settings.endOnFailure ?? false,
    ...(settings.path === undefined ? {} : { path: settings.path }),
  });
}

async function hasSteppedClock(createStore: CreateStore): Promise<boolean> {
  const made = await createStore();
  await made.dispose();
  return made.clock !== undefined && made.clock.running !== true;
}
