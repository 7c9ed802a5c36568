/** @module Registers the whole suite with vitest for one store. */
import { describe, it } from "vitest";
import { adjustCapability } from "./adjust.ts";
import { balancesCapability } from "./balances.ts";
import type { Capability, Case } from "./case.ts";
import { concurrencyCapability } from "./concurrency.ts";
import { dispatchCapability } from "./dispatch.ts";
import { expiryCapability } from "./expiry.ts";
import { hostileScopesCapability } from "./hostile-scopes.ts";
import { idempotencyCapability } from "./idempotency.ts";
import { invalidInputCapability } from "./invalid-input.ts";
import { jobsCapability } from "./jobs.ts";
import { limitsCapability } from "./limits.ts";
import { overridesCapability } from "./overrides.ts";
import { overrunCapability } from "./overrun.ts";
import { checkAgainstModel, type PropertySettings } from "./property.ts";
import { releaseCapability } from "./release.ts";
import { reserveCapability } from "./reserve.ts";
import { createRig, type Rig } from "./rig.ts";
import { scopesCapability } from "./scopes.ts";
import { settleCapability } from "./settle.ts";
import type { CreateStore, SkippedTests } from "./store-under-test.ts";
import { windowsCapability } from "./windows.ts";

/** Everything that a store must be able to do. */
export const CAPABILITIES: readonly Capability[] = [
  reserveCapability,
  dispatchCapability,
  settleCapability,
  releaseCapability,
  expiryCapability,
  idempotencyCapability,
  scopesCapability,
  concurrencyCapability,
  windowsCapability,
  limitsCapability,
  overridesCapability,
  adjustCapability,
  balancesCapability,
  hostileScopesCapability,
  invalidInputCapability,
  overrunCapability,
  jobsCapability,
];

const PROPERTY_CAPABILITY = "model";
const PROPERTY_TITLE = "answers and counts as the reference model over any sequence of operations";

export interface StoreSuiteOptions {
  /** The store's name, for the report. */
  readonly name: string;
  /** Gives an empty store; called once per test. */
  readonly createStore: CreateStore;
  /** Reads the store's time when a store under test brings no clock. @default Date.now */
  readonly now?: () => number;
  readonly skip?: readonly SkippedTests[];
  readonly property?: PropertySettings;
  /** For one test. @default 20000 */
  readonly timeoutMs?: number;
  /** For the property. @default 120000 */
  readonly propertyTimeoutMs?: number;
}

/** Registers describe and it blocks that any store must pass. */
export function storeSuite(options: StoreSuiteOptions): void {
  const now = options.now ?? Date.now;
  requireKnownSkips(options.skip ?? []);
  describe(`store suite: ${options.name}`, () => {
    for (const capability of CAPABILITIES) {
      describe(capability.name, () => {
        for (const each of capability.cases) {
          const reason = skipReason(options, capability.name, each.title);
          const timeout = options.timeoutMs ?? 20_000;
          if (reason !== undefined) it.skip(`${each.title} (skipped: ${reason})`);
          else
            it(each.title, { timeout }, async (context) =>
              runCase(options.createStore, now, each, context.skip),
            );
        }
      });
    }
    const reason = skipReason(options, PROPERTY_CAPABILITY, PROPERTY_TITLE);
    describe(PROPERTY_CAPABILITY, () => {
      const timeout = options.propertyTimeoutMs ?? 120_000;
      if (reason !== undefined) it.skip(`${PROPERTY_TITLE} (skipped: ${reason})`);
      else
        it(PROPERTY_TITLE, { timeout }, () =>
          checkAgainstModel(options.createStore, { ...options.property, now }),
        );
    });
  });
}

/** Runs one case against a fresh store. `skip` is called, with the reason, when the store's clock cannot do it. */
export async function runCase(
  createStore: CreateStore,
  now: () => number,
  each: Case,
  skip: (reason: string) => void,
): Promise<void> {
  const made = await createStore();
  const handles: Rig["store"][] = [];
  try {
    const opensAnother = made.another?.bind(made);
    const rig = await createRig(
      opensAnother === undefined
        ? made
        : {
            ...made,
            another: async () => {
              const handle = await opensAnother();
              handles.push(handle);
              return handle;
            },
          },
      now,
    );
    if (each.jumps === true && rig.clock.running === true) skip("the store's clock cannot jump");
    else if (lacks(rig.store, each)) skip("the store keeps no jobs");
    else await each.run(rig);
  } finally {
    for (const handle of handles) await handle.close();
    await made.dispose();
  }
}

/** Whether the case is about a part of the port that the store leaves out. */
function lacks(store: Rig["store"], each: Case): boolean {
  const needs = CAPABILITIES.find(({ cases }) => cases.includes(each))?.needs;
  return needs !== undefined && store[needs] === undefined;
}

function skipReason(options: StoreSuiteOptions, capability: string, title: string): string | undefined {
  const names = [capability, `${capability}: ${title}`];
  return options.skip?.find(({ tests }) => tests.some((test) => names.includes(test)))?.reason;
}

/** A skip that names nothing is a mistake, such as a title that has changed. */
function requireKnownSkips(skip: readonly SkippedTests[]): void {
  const known = new Set([PROPERTY_CAPABILITY, `${PROPERTY_CAPABILITY}: ${PROPERTY_TITLE}`]);
  for (const { name, cases } of CAPABILITIES) {
    known.add(name);
    for (const { title } of cases) known.add(`${name}: ${title}`);
  }
  for (const test of skip.flatMap(({ tests }) => tests)) {
    if (!known.has(test)) throw new Error(`the store suite has no test "${test}" to skip`);
  }
}
