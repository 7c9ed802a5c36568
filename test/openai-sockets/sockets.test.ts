/** Every WebSocket class of every supported SDK major is refused a guarded client, unless sockets are allowed. */
import OpenAI, { BedrockOpenAI } from "openai";
import { ResponsesWS } from "openai/resources/responses/ws";
import OpenAI5 from "openai-v5";
import OpenAI6 from "openai-v6";
import { createHoldfast, HoldfastError } from "holdfast";
import { wrapOpenAI } from "holdfast/openai";
import { WebSocketServer } from "ws";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

type SocketClass = new (first: unknown, second: unknown) => { close(): void; socket?: { on?: unknown } };

const MODULES = {
  "openai-v5": {
    create: (options: object) => new OpenAI5(options),
    realtime: ["realtime/ws", "realtime/websocket", "beta/realtime/ws", "beta/realtime/websocket"],
    responses: [],
  },
  "openai-v6": {
    create: (options: object) => new OpenAI6(options),
    realtime: ["realtime/ws", "realtime/websocket", "beta/realtime/ws", "beta/realtime/websocket"],
    responses: ["resources/responses/ws", "resources/beta/responses/ws"],
  },
  openai: {
    create: (options: object) => new OpenAI(options),
    realtime: [
      "realtime/ws",
      "realtime/websocket",
      "realtime/translations/ws",
      "beta/realtime/ws",
      "beta/realtime/websocket",
    ],
    responses: [
      "resources/responses/ws",
      "resources/beta/responses/ws",
      "resources/live/ws",
      "resources/live/sideband/ws",
    ],
  },
} as const;

const cases = Object.entries(MODULES).flatMap(([name, { create, realtime, responses }]) => [
  ...realtime.map((file) => [name, file, create, true] as const),
  ...responses.map((file) => [name, file, create, false] as const),
]);

let server: WebSocketServer;
let baseURL: string;

beforeAll(async () => {
  server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await new Promise((resolve) => server.once("listening", resolve));
  baseURL = `http://127.0.0.1:${(server.address() as { port: number }).port}/v1`;
});

afterAll(async () => {
  for (const client of server.clients) client.terminate();
  await new Promise((resolve) => server.close(resolve));
});

async function open(
  name: string,
  file: string,
  client: object,
  realtime: boolean,
): Promise<{ close(): void }> {
  const exported = (await import(`${name}/${file}`)) as Record<string, unknown>;
  const Socket = Object.values(exported).find((one) => typeof one === "function") as SocketClass;
  return realtime
    ? new Socket({ model: "gpt-realtime" }, client)
    : new Socket(client, { model: "gpt-realtime", session_id: "s" });
}

describe.each(cases)("%s/%s", (name, file, create, realtime) => {
  it("is refused with the error that says how to allow it", async () => {
    const holdfast = createHoldfast({ budgets: [] });
    const wrapped = wrapOpenAI(create({ apiKey: "sk-test", baseURL }), holdfast);
    const error = await open(name, file, wrapped, realtime).catch((reason: unknown) => reason);
    expect(HoldfastError.isHoldfastError(error) && error.code).toBe("CALL_NOT_ALLOWED");
    expect(String(error)).toContain('allow: ["realtime"]');
    await expect(
      open(name, file, wrapped.withOptions({ timeout: 1_000 }), realtime),
      "a clone of the client is guarded too",
    ).rejects.toThrow("billed where no hold can follow it");
  });

  it("is let through when it is allowed, and from a client that is not wrapped", async () => {
    const holdfast = createHoldfast({ budgets: [], allow: ["realtime"] });
    const client = create({ apiKey: "sk-test", baseURL });
    const outcomeOf = async (allowed: object): Promise<string> => {
      try {
        const socket = await open(name, file, allowed, realtime);
        (socket as { on?: (event: string, listener: () => void) => void }).on?.("error", () => undefined);
        socket.close();
        return "opened";
      } catch (error) {
        return String(error);
      }
    };
    expect(await outcomeOf(wrapOpenAI(client, holdfast))).toBe(await outcomeOf(client));
  });
});

describe("BedrockOpenAI, which keeps its address to itself", () => {
  const make = (): BedrockOpenAI => new BedrockOpenAI({ apiKey: "sk-test", baseURL });

  it("is refused by the question for its key", () => {
    const wrapped = wrapOpenAI(make(), createHoldfast({ budgets: [] }));
    expect(() => new ResponsesWS(wrapped)).toThrow("billed where no hold can follow it");
    expect(() => new ResponsesWS(wrapped.withOptions({ timeout: 1_000 }))).toThrow("billed where no hold");
  });

  it("answers everybody else as ever", () => {
    const wrapped = wrapOpenAI(make(), createHoldfast({ budgets: [] }));
    expect([wrapped.apiKey, wrapped.baseURL]).toEqual(["sk-test", baseURL]);
    wrapped.apiKey = "sk-other";
    expect(wrapped.apiKey).toBe("sk-other");
    expect(() => {
      wrapped.baseURL = "http://other.test";
    }).toThrow();
  });
});

describe("an address that somebody else asks for", () => {
  it("is answered, and can be changed, as on a bare client", () => {
    const holdfast = createHoldfast({ budgets: [] });
    const client = wrapOpenAI(new OpenAI({ apiKey: "sk-test", baseURL }), holdfast);
    expect(client.baseURL).toBe(baseURL);
    expect(client.withOptions({ timeout: 1 }).baseURL).toBe(baseURL);
    client.baseURL = "http://127.0.0.1:1/v1";
    expect(client.baseURL).toBe("http://127.0.0.1:1/v1");
  });
});
