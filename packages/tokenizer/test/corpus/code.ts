/** Own source code, data and markup, written or generated for this corpus. */
import { random } from "./random.ts";

const typescript = `
import { readFile } from "node:fs/promises";

/** One line of an invoice; amounts are in nano-dollars. */
export interface InvoiceLine {
  readonly productId: string;
  quantity: number;
  unitPriceNanos: bigint;
}

export async function loadInvoice(path: string): Promise<InvoiceLine[]> {
  const raw = await readFile(path, "utf8");
  const lines: InvoiceLine[] = [];
  for (const [index, row] of raw.split("\\n").entries()) {
    if (row.trim() === "" || row.startsWith("#")) continue;
    const [productId, quantity, price] = row.split(";");
    if (productId === undefined || !/^[A-Z]{2}-\\d{4}$/.test(productId)) {
      throw new TypeError(\`line \${index + 1}: unknown product "\${productId}"\`);
    }
    lines.push({ productId, quantity: Number(quantity ?? 1), unitPriceNanos: BigInt(price ?? "0") });
  }
  return lines.sort((a, b) => (a.productId < b.productId ? -1 : 1));
}

class RetryQueue<T> {
  #pending = new Map<string, { value: T; attempts: number }>();
  enqueue(id: string, value: T): void {
    this.#pending.set(id, { value, attempts: (this.#pending.get(id)?.attempts ?? 0) + 1 });
  }
  get size(): number { return this.#pending.size; }
}
`;

const python = `
from dataclasses import dataclass, field

@dataclass
class Ledger:
    """Keeps what was held and what was spent."""
    held: int = 0
    spent: int = 0
    history: list[tuple[str, int]] = field(default_factory=list)

    def reserve(self, amount: int, limit: int) -> bool:
        if self.held + self.spent + amount > limit:
            return False
        self.held += amount
        self.history.append(("reserve", amount))
        return True

if __name__ == "__main__":
    ledger = Ledger()
    print([ledger.reserve(n * 10, 100) for n in range(6)], ledger)
`;

const minified = `!function(e,t){"use strict";var n=e.document,r=t||{},o=0;function i(e,t){for(var n=0,r=e.length;n<r;n++)if(!1===t(e[n],n))return n;return-1}function a(e){return null==e?"":String(e).replace(/[&<>"']/g,(function(e){return{"&":"&amp;","<":"&lt;",">":"&gt;",'"':"&quot;","'":"&#39;"}[e]}))}r.render=function(e,t){var u=n.createElement("div");return u.innerHTML=e.replace(/\\{\\{(\\w+)\\}\\}/g,(function(e,n){return a(t[n])})),o++,i(u.childNodes,(function(e){1===e.nodeType&&e.setAttribute("data-id",o)})),u.firstChild},r.once=function(e){var t,n=!1;return function(){return n||(n=!0,t=e.apply(this,arguments)),t}},e.tiny=r}("undefined"!=typeof window?window:this);`;

const sql = `
CREATE TABLE IF NOT EXISTS usage_record (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  attempt_id TEXT NOT NULL UNIQUE,
  cost_nanos BIGINT NOT NULL CHECK (cost_nanos >= 0),
  created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
SELECT date_trunc('day', created_at) AS day, SUM(cost_nanos) / 1e9 AS usd
FROM usage_record WHERE created_at > now() - INTERVAL '30 days' GROUP BY 1 ORDER BY 1 DESC LIMIT 31;
`;

const html = `<!doctype html>\n<html lang="en">\n  <head><meta charset="utf-8"><title>Spend by team</title></head>
  <body class="page page--wide">\n    <table id="spend"><thead><tr><th scope="col">Team</th><th>USD</th></tr></thead>
    <tbody><tr data-team="core"><td>Core</td><td class="num">1,204.50</td></tr></tbody></table>
    <script src="/assets/app.3f9c1b.js" defer></script>\n  </body>\n</html>\n`;

const yaml = `agent: customer-resolver\nbudget_monthly_usd: 25000\nalerts:\n${[0.5, 0.8, 1.0, 1.2]
  .map((at) => `  - threshold: ${at}\n    action: notify_${at < 1 ? "slack" : "pagerduty"}\n`)
  .join("")}`;

const toolSchema: string = JSON.stringify(
  ["search_orders", "refund_payment", "create_ticket", "send_email"].map((name) => ({
    type: "function",
    function: {
      name,
      description: `Call this to ${name.replace("_", " ")} on behalf of the customer; ask before changing anything.`,
      strict: true,
      parameters: {
        type: "object",
        additionalProperties: false,
        required: ["customerId", "reason"],
        properties: {
          customerId: {
            type: "string",
            pattern: "^cus_[a-z0-9]{14}$",
            description: "Identifier of the customer",
          },
          reason: { type: "string", enum: ["damaged", "late", "wrong_item", "other"] },
          amountCents: { type: ["integer", "null"], minimum: 0, maximum: 500000 },
          since: { type: "string", format: "date-time" },
        },
      },
    },
  })),
);

function records(): Record<string, unknown>[] {
  const next = random(7);
  return Array.from({ length: 30 }, (_, row) => ({
    id: `ord_${Math.floor(next() * 1e9).toString(36)}`,
    row,
    customer: { name: ["Ada", "Grace", "Linus", "Barbara"][row % 4], vip: row % 3 === 0, tags: ["a", "b-c"] },
    total: Number((next() * 1000).toFixed(2)),
    createdAt: new Date(1.75e12 + Math.floor(next() * 1e10)).toISOString(),
    note: null,
  }));
}

const markdown = `# Prices\n\n| model | input | output |\n| :--- | ---: | ---: |\n${records()
  .map(
    (record) => `| \`${String(record["id"])}\` | ${String(record["total"])} | **${String(record["row"])}** |`,
  )
  .join("\n")}\n\n- [x] first *step*\n- [ ] second, see [the docs](https://example.org/docs?id=42#top)\n`;

export const code: Record<string, string> = {
  typescript,
  python,
  minified,
  sql,
  html,
  yaml,
  markdown,
};

export const json: Record<string, string> = {
  toolSchema,
  jsonPretty: JSON.stringify(records(), null, 2),
  jsonCompact: JSON.stringify(records()),
  jsonEscaped: JSON.stringify({ body: JSON.stringify(records().slice(0, 8), null, 1) }),
};
