/** @module Stores that are broken on purpose, each in one way; the suite must catch every one of them. */
import { randomUUID } from "node:crypto";
import { amounts, windowAt } from "holdfast";
import type { Amounts, Denied, ExpiryPolicy, LedgerStore, ReserveOperation, Scope } from "holdfast";

/** Wraps a sound store into a broken one. `now` is the store's clock. */
export type Mutant = (sound: LedgerStore, now: () => number) => LedgerStore;

function broken(sound: LedgerStore, replaced: Partial<LedgerStore>): LedgerStore {
  const whole: LedgerStore = {
    name: `broken ${sound.name}`,
    reserve: (operation) => sound.reserve(operation),
    dispatch: (operation) => sound.dispatch(operation),
    settle: (operation) => sound.settle(operation),
    release: (operation) => sound.release(operation),
    renew: (operation) => sound.renew(operation),
    expire: (operation) => sound.expire(operation),
    adjust: (operation) => sound.adjust(operation),
    override: (operation) => sound.override(operation),
    balances: (query) => sound.balances(query),
    close: () => sound.close(),
  };
  return { ...whole, ...replaced };
}

function changedReserve(change: (operation: ReserveOperation) => ReserveOperation): Mutant {
  return (sound) => broken(sound, { reserve: (operation) => sound.reserve(change(operation)) });
}

function withScopes(change: (scope: Scope) => Scope): Mutant {
  return changedReserve((operation) => ({ ...operation, scopes: operation.scopes.map(change) }));
}

function negative(given: Amounts): Amounts {
  const entries = Object.entries(given).map(([dimension, value]) => [dimension, value === 0 ? 0 : -value]);
  return { ...(Object.fromEntries(entries) as unknown as Amounts), concurrentCalls: 0 };
}

/** Remembers what was reserved, for mutants that undo or repeat it. */
function rememberingReserves(
  sound: LedgerStore,
  make: (reserved: ReadonlyMap<string, ReserveOperation>) => Partial<LedgerStore>,
): LedgerStore {
  const reserved = new Map<string, ReserveOperation>();
  return broken(sound, {
    reserve(operation) {
      reserved.set(operation.operationId, operation);
      return sound.reserve(operation);
    },
    ...make(reserved),
  });
}

/** Secret ids of what a mutant does on its own. */
function secretId(): string {
  return `secret-${randomUUID()}`;
}

export const MUTANTS: Readonly<Record<string, Mutant>> = {
  "overstates what is left behind a hold": (sound) =>
    broken(sound, {
      async reserve(operation) {
        const result = await sound.reserve(operation);
        if (result.outcome !== "held" || result.available?.nanoUsd === undefined) return result;
        return { ...result, available: { ...result.available, nanoUsd: result.available.nanoUsd + 1 } };
      },
    }),

  "applies a replayed adjustment twice": (sound) =>
    broken(sound, { adjust: (operation) => sound.adjust({ ...operation, operationId: secretId() }) }),

  "applies a replayed override twice": (sound) =>
    broken(sound, { override: (operation) => sound.override({ ...operation, operationId: secretId() }) }),

  "holds twice on a replayed reserve": (sound) => {
    const seen = new Set<string>();
    return broken(sound, {
      async reserve(operation) {
        const result = await sound.reserve(operation);
        if (seen.has(operation.operationId)) await sound.reserve({ ...operation, operationId: secretId() });
        seen.add(operation.operationId);
        return result;
      },
    });
  },

  "spends twice on a replayed settlement": (sound) =>
    rememberingReserves(sound, (reserved) => ({
      async settle(operation) {
        const result = await sound.settle(operation);
        const scope = reserved.get(operation.holdId)?.scopes[0];
        if (result.outcome === "settled" && result.replayed && scope !== undefined) {
          await sound.adjust({ operationId: secretId(), scope, delta: operation.amounts });
        }
        return result;
      },
    })),

  "drops one scope": changedReserve((operation) => ({
    ...operation,
    scopes: operation.scopes.length > 1 ? operation.scopes.slice(0, -1) : operation.scopes,
  })),

  "compares by < instead of <=": withScopes((scope) => ({
    ...scope,
    limits: Object.fromEntries(
      Object.entries(scope.limits).map(([d, limit = 0]) => [d, Math.max(0, limit - 1)]),
    ),
  })),

  "admits one more than the limit": withScopes((scope) => ({
    ...scope,
    limits: Object.fromEntries(Object.entries(scope.limits).map(([d, limit = 0]) => [d, limit + 1])),
  })),

  "lets a denial consume": (sound) =>
    broken(sound, {
      async reserve(operation) {
        const result = await sound.reserve(operation);
        const scope = operation.scopes[0];
        if (result.outcome === "denied" && !result.replayed && scope !== undefined) {
          await sound.adjust({ operationId: secretId(), scope, delta: { calls: 1 } });
        }
        return result;
      },
    }),

  "holds in the first scope though a later one denies": (sound) =>
    broken(sound, {
      async reserve(operation) {
        const result = await sound.reserve(operation);
        if (result.outcome === "denied" && !result.replayed && operation.scopes.length > 1) {
          const scopes = operation.scopes.slice(0, 1);
          await sound.reserve({ ...operation, operationId: secretId(), scopes });
        }
        return result;
      },
    }),

  "gives back twice on a second release": (sound) =>
    rememberingReserves(sound, (reserved) => ({
      async release(operation) {
        const result = await sound.release(operation);
        const hold = reserved.get(operation.holdId);
        const scope = hold?.scopes[0];
        const isSecond =
          result.outcome === "already-resolved" || (result.outcome === "released" && result.replayed);
        if (isSecond && hold !== undefined && scope !== undefined) {
          await sound.adjust({ operationId: secretId(), scope, delta: negative(hold.amounts) });
        }
        return result;
      },
    })),

  "adds a late settlement on top of the charge": (sound) =>
    rememberingReserves(sound, (reserved) => ({
      async settle(operation) {
        const result = await sound.settle(operation);
        if (result.outcome !== "settled" || !result.corrected || result.replayed) return result;
        for (const scope of reserved.get(operation.holdId)?.scopes ?? []) {
          if (scope.onExpiry !== "charge") continue;
          await sound.adjust({
            operationId: secretId(),
            scope,
            delta: { ...result.held, concurrentCalls: 0 },
          });
        }
        return result;
      },
    })),

  "settles in the current window instead of the admitting one": (sound, now) => {
    const admitted = new Map<
      string,
      { readonly scopes: readonly Scope[]; readonly windowIds: readonly string[] }
    >();
    return broken(sound, {
      async reserve(operation) {
        const result = await sound.reserve(operation);
        if (result.outcome === "held" && !result.replayed) {
          const windowIds = result.windows.map((window) => window.id);
          admitted.set(operation.operationId, { scopes: operation.scopes, windowIds });
        }
        return result;
      },
      async settle(operation) {
        const result = await sound.settle(operation);
        if (result.outcome !== "settled" || result.replayed) return result;
        const { scopes, windowIds } = admitted.get(operation.holdId)!;
        for (const [index, scope] of scopes.entries()) {
          if (windowAt(scope.window, now()).id === windowIds[index]) continue;
          await sound.adjust({ operationId: secretId(), scope, delta: operation.amounts });
        }
        return result;
      },
    });
  },

  "forgets concurrentCalls": changedReserve((operation) => ({
    ...operation,
    amounts: { ...operation.amounts, concurrentCalls: 0 },
  })),

  "does not remember denials": (sound) => {
    const denied = new Map<string, string>();
    return broken(sound, {
      async reserve(operation) {
        const operationId = denied.get(operation.operationId) ?? operation.operationId;
        const result = await sound.reserve({ ...operation, operationId });
        if (result.outcome === "denied") denied.set(operation.operationId, secretId());
        return result.outcome === "held" ? { ...result, holdId: operation.operationId } : result;
      },
    });
  },

  "lets a hold live one millisecond too long": changedReserve((operation) => ({
    ...operation,
    undispatchedTtlMs: operation.undispatchedTtlMs + 1,
  })),

  "forgets that a hold was dispatched": (sound) =>
    broken(sound, {
      async dispatch({ operationId, holdId, ttlMs }) {
        const renewed = await sound.renew({ operationId, holdId, ttlMs });
        return renewed.outcome === "renewed"
          ? { outcome: "dispatched", replayed: renewed.replayed }
          : renewed;
      },
    }),

  "releases instead of quarantining": withPolicy("quarantine", "release"),
  "releases instead of charging": withPolicy("charge", "release"),

  "loses what was taken beyond the hold": (sound) =>
    rememberingReserves(sound, (reserved) => ({
      settle(operation) {
        const held = reserved.get(operation.holdId)?.amounts ?? amounts({});
        const nanoUsd = Math.min(operation.amounts.nanoUsd, held.nanoUsd);
        return sound.settle({ ...operation, amounts: { ...operation.amounts, nanoUsd } });
      },
    })),

  "answers a mismatch as a replay": (sound) =>
    rememberingReserves(sound, () => {
      const first = new Map<string, ReserveOperation>();
      return {
        reserve(operation) {
          const known = first.get(operation.operationId) ?? operation;
          first.set(operation.operationId, known);
          return sound.reserve(known);
        },
      };
    }),

  "never ends an override": (sound) =>
    broken(sound, {
      override: (operation) => sound.override({ ...operation, ttlMs: operation.ttlMs * 1_000 }),
    }),

  "says too much is available": (sound) =>
    broken(sound, {
      async reserve(operation) {
        const result = await sound.reserve(operation);
        return result.outcome === "denied" ? withHeldAvailable(result) : result;
      },
    }),

  "reports expiries twice": (sound) => {
    const told: Awaited<ReturnType<LedgerStore["expire"]>>["expired"][number][] = [];
    return broken(sound, {
      async expire(operation) {
        const { expired, more } = await sound.expire(operation);
        if (expired.length === 0 && told.length > 0) return { expired: told.splice(0, 1), more };
        told.push(...expired);
        return { expired, more };
      },
    });
  },

  "does not report expiries that a reserve resolved": (sound) =>
    broken(sound, {
      async reserve(operation) {
        const result = await sound.reserve(operation);
        if (result.outcome === "mismatch") return result;
        const { expired: _, ...rest } = result;
        return rest;
      },
    }),

  "hides what a past window still holds": (sound, now) =>
    broken(sound, {
      async balances(query) {
        const page = await sound.balances(query);
        const balances = page.balances.filter(
          ({ scope, window }) => windowAt(scope.window, now()).id === window.id,
        );
        return { ...page, balances };
      },
    }),
};

function withPolicy(from: ExpiryPolicy, to: ExpiryPolicy): Mutant {
  return withScopes((scope) => ({ ...scope, onExpiry: scope.onExpiry === from ? to : scope.onExpiry }));
}

function withHeldAvailable(denial: Denied): Denied {
  const entries = Object.entries(denial.available).map(([dimension, value = 0]) => [dimension, value + 1]);
  return { ...denial, available: Object.fromEntries(entries) };
}
