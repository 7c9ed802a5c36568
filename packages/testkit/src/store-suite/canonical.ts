/** @module One text per value: sorted keys, no `undefined`; equal values give equal text. */

export function canonical(value: unknown): string {
  return JSON.stringify(sorted(value));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]): [string, unknown] => [key, sorted(inner)]);
  // A list of pairs, because a key may be "__proto__".
  return { object: entries };
}
