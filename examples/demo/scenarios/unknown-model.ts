/** @module Scene 5: a model without a price cannot be held for, so it is not sent. */
import { PriceUnknownError, type Balance } from "holdfast";
import { check, quote, type Scene } from "../report.ts";
import { SUPPORT_QUESTION } from "../texts.ts";
import type { CallTags } from "../truth.ts";
import type { World } from "../world.ts";

export async function unknownModel(world: World): Promise<Scene> {
  const { server, holdfast } = world;
  const tags: CallTags = { agent: "writer", tenant: "acme", user: "ann", requestId: "unknown-model" };
  const requests = server.requests;
  const before = amountsIn(await holdfast.balances());
  const error: unknown = await holdfast.with(tags, () =>
    world
      .client(tags.agent)
      .chat.completions.create({ model: "gpt-99-turbo", messages: SUPPORT_QUESTION, metadata: tags })
      .catch((reason: unknown) => reason),
  );
  await world.settled();
  const unchanged = amountsIn(await holdfast.balances()) === before;
  const refused = error instanceof PriceUnknownError;
  return {
    title: "An unknown model, refused before it is sent",
    lines: [
      check(
        "reached the provider",
        `${server.requests - requests} requests; balances ${unchanged ? "unchanged" : "CHANGED"}`,
        server.requests === requests && unchanged,
      ),
      check("refused with", refused ? error.name : String(error), refused),
      ...quote(refused ? error.message : ""),
    ],
  };
}

function amountsIn(balances: readonly Balance[]): string {
  return JSON.stringify(balances.map(({ budgetId, scope, spent, held }) => [budgetId, scope, spent, held]));
}
