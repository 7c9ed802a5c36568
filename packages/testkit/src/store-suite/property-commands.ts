/** @module The random commands of the property; each looks up its targets in the world at the moment it runs. */
import type { Amounts, Limits, Scope } from "holdfast";
import fc from "fast-check";
import type { ModelHold } from "./model.ts";
import * as universe from "./property-universe.ts";
import type { Step, World } from "./property-world.ts";

/** fast-check hands every command two objects; here both are the world. */
export type LedgerCommand = fc.AsyncCommand<World, World>;

type Act = (world: World) => Promise<void> | undefined;

/** `act` does nothing, and says so by `undefined`, when the world has no target for it. */
function command(label: string, act: Act): LedgerCommand {
  return {
    check: () => true,
    run: async (_, world) => act(world),
    toString: () => label,
  };
}

function show(...parts: readonly unknown[]): string {
  return parts.map((part) => (typeof part === "string" ? part : JSON.stringify(part))).join(" ");
}

/** Undispatched life is shorter than dispatched life, so that a dispatch never shortens it. */
const shortTtl = fc.constantFrom(1, 1_000, 5_000, 20_000);
const longTtl = fc.constantFrom(20_000, 60_000, 90_000, 3_600_000);
const ENDLESS_MS = 10 * 24 * 3_600_000;

export interface CommandSettings {
  readonly scopes: readonly Scope[];
  /** Whether the clock moves; without it every hold lives for ever. */
  readonly timeMoves: boolean;
}

export function ledgerCommands(settings: CommandSettings): fc.Arbitrary<LedgerCommand>[] {
  const index = fc.nat({ max: 1000 });
  const scopes = universe.scopesArbitrary(settings.scopes);
  const oneScope = fc.constantFrom(...settings.scopes);
  const short = settings.timeMoves ? shortTtl : fc.constant(ENDLESS_MS);
  const long = settings.timeMoves ? longTtl : fc.constant(ENDLESS_MS);
  const reserves = fc.tuple(scopes, universe.amountsArbitrary, short, fc.boolean()).map(reserve);
  const timed = [
    universe.moveArbitrary.map(advance),
    universe.moveArbitrary.map(advance),
    fc.integer({ min: 1, max: 3 }).map(expire),
  ];
  return [
    reserves,
    reserves,
    reserves,
    fc.tuple(index, long).map(dispatch),
    fc.tuple(index, long).map(dispatch),
    fc.tuple(index, universe.actualArbitrary).map(settle),
    fc.tuple(index, universe.actualArbitrary).map(settle),
    index.map(release),
    fc.tuple(index, long).map(renew),
    fc.tuple(oneScope, universe.deltaArbitrary).map(adjust),
    fc
      .tuple(oneScope, universe.extraArbitrary, settings.timeMoves ? fc.constantFrom(1_000, 60_000) : long)
      .map(override),
    index.map(replay),
    index.map(replay),
    index.map(tamper),
    fc.constantFrom("dispatch", "settle", "release", "renew").map(unknownHold),
    ...(settings.timeMoves ? timed : []),
  ];
}

type Reserve = [
  scopes: readonly Scope[],
  amounts: Amounts,
  undispatchedTtlMs: number,
  reportAvailable: boolean,
];

function reserve([scopes, amounts, undispatchedTtlMs, reportAvailable]: Reserve): LedgerCommand {
  const keys = scopes.map((scope) => `${scope.key}${JSON.stringify(scope.limits)}`).join(",");
  return command(show("reserve", keys, amounts, undispatchedTtlMs), (world) => {
    const operationId = world.nextId("reserve");
    const asked = world.withoutZerosOverLimit(scopes, amounts);
    return world.apply({
      verb: "reserve",
      operation: { operationId, scopes, amounts: asked, undispatchedTtlMs, reportAvailable },
    });
  });
}

/** A hold that no store may have forgotten; the newest first, since those are the ones most often alive. */
function holdAt(world: World, index: number): ModelHold | undefined {
  const holds = world.knownHolds();
  return holds.length === 0 ? undefined : holds[holds.length - 1 - (index % holds.length)];
}

function dispatch([index, wantedTtlMs]: [number, number]): LedgerCommand {
  return command(show("dispatch", index, wantedTtlMs), (world) => {
    const hold = holdAt(world, index);
    if (hold === undefined || (hold.state === "live" && hold.dispatched)) return undefined;
    const ttlMs = Math.max(wantedTtlMs, hold.expiresAtMs - world.clock.now());
    const operationId = world.nextId("dispatch");
    return world.apply({ verb: "dispatch", operation: { operationId, holdId: hold.id, ttlMs } });
  });
}

function settle([index, amounts]: [number, Amounts]): LedgerCommand {
  return command(show("settle", index, amounts), (world) => {
    const hold = holdAt(world, index);
    if (hold === undefined) return undefined;
    return world.apply({
      verb: "settle",
      operation: { operationId: world.nextId("settle"), holdId: hold.id, amounts },
    });
  });
}

function release(index: number): LedgerCommand {
  return command(show("release", index), (world) => {
    const hold = holdAt(world, index);
    if (hold === undefined) return undefined;
    return world.apply({
      verb: "release",
      operation: { operationId: world.nextId("release"), holdId: hold.id },
    });
  });
}

function renew([index, ttlMs]: [number, number]): LedgerCommand {
  return command(show("renew", index, ttlMs), (world) => {
    const hold = holdAt(world, index);
    if (hold === undefined) return undefined;
    return world.apply({
      verb: "renew",
      operation: { operationId: world.nextId("renew"), holdId: hold.id, ttlMs },
    });
  });
}

function adjust([scope, given]: [Scope, Partial<Amounts>]): LedgerCommand {
  // Which slice of a rolling window a reduction takes from is not said by the port.
  const raised = Object.entries(given).map(([dimension, value]) => [dimension, Math.max(0, value)]);
  const delta: Partial<Amounts> = scope.window.kind === "rolling" ? Object.fromEntries(raised) : given;
  return command(show("adjust", scope.key, delta), (world) =>
    world.apply({ verb: "adjust", operation: { operationId: world.nextId("adjust"), scope, delta } }),
  );
}

function override([scope, extra, ttlMs]: [Scope, Limits, number]): LedgerCommand {
  return command(show("override", scope.key, extra, ttlMs), (world) =>
    world.apply({
      verb: "override",
      operation: { operationId: world.nextId("override"), scope, extra, ttlMs },
    }),
  );
}

/** The reply was lost and the client sends the same operation again, perhaps much later. */
function replay(index: number): LedgerCommand {
  return command(show("replay", index), (world) => {
    const done = world.recentlyDone();
    return done.length === 0 ? undefined : world.apply(done[index % done.length]!.step);
  });
}

/** An operation id is used again for something else. */
function tamper(index: number): LedgerCommand {
  return command(show("tamper", index), (world) => {
    const changed = world.recentlyDone().flatMap((each) => changedStep(each.step));
    return changed.length === 0 ? undefined : world.apply(changed[index % changed.length]!);
  });
}

function changedStep(step: Step): Step[] {
  switch (step.verb) {
    case "reserve":
    case "settle": {
      const amounts = { ...step.operation.amounts, nanoUsd: step.operation.amounts.nanoUsd + 1 };
      return [{ ...step, operation: { ...step.operation, amounts } } as Step];
    }
    case "adjust": {
      const delta = { ...step.operation.delta, nanoUsd: (step.operation.delta.nanoUsd ?? 0) + 1 };
      return [{ ...step, operation: { ...step.operation, delta } }];
    }
    case "override": {
      const extra = { ...step.operation.extra, nanoUsd: (step.operation.extra.nanoUsd ?? 0) + 1 };
      return [{ ...step, operation: { ...step.operation, extra } }];
    }
    default:
      return [];
  }
}

function unknownHold(verb: string): LedgerCommand {
  return command(show("unknown", verb), (world) => {
    const operation = { operationId: world.nextId(verb), holdId: "never-reserved", ttlMs: 1_000 };
    if (verb === "dispatch" || verb === "renew") return world.apply({ verb, operation });
    if (verb === "release") return world.apply({ verb, operation });
    const amounts = {
      nanoUsd: 1,
      calls: 1,
      concurrentCalls: 0,
      inputTokens: 0,
      outputTokens: 0,
      totalTokens: 0,
    };
    return world.apply({ verb: "settle", operation: { ...operation, amounts } });
  });
}

/** Nothing is compared here, so that the next command meets a store in which holds are due but not yet expired. */
function advance(move: universe.Move): LedgerCommand {
  return command(show("advance", move), (world) => {
    const expiries = [...world.model.holds.values()]
      .filter((hold) => hold.state === "live")
      .map((h) => h.expiresAtMs);
    const ms = universe.distance(move, world.clock.now(), expiries);
    return ms === undefined ? undefined : Promise.resolve(world.clock.advance(ms));
  });
}

function expire(limit: number): LedgerCommand {
  return command(show("expire", limit), async (world) => {
    await world.expireSome(limit);
    await world.compareState();
  });
}
