import { describe, expect, it } from "vitest";
import { RespFramer, respCommand } from "../src/wire/resp.ts";

const replies = [
  "+OK\r\n",
  "-ERR no\r\n",
  ":42\r\n",
  "$-1\r\n",
  "$0\r\n\r\n",
  "$13\r\n+OK\r\n$1\r\n*2\r\n\r\n",
  "*-1\r\n",
  "*0\r\n",
  "*3\r\n:1\r\n*2\r\n$1\r\na\r\n$-1\r\n*0\r\n",
  "_\r\n",
  "#t\r\n",
  ",1.5\r\n",
  "(12345678901234567890\r\n",
  "=7\r\ntxt:abc\r\n",
  "!5\r\nERR x\r\n",
  "%2\r\n+a\r\n:1\r\n+b\r\n%1\r\n+c\r\n:2\r\n",
  "~2\r\n+x\r\n+y\r\n",
  "|1\r\n+ttl\r\n:5\r\n+value\r\n",
  "*2\r\n|1\r\n+k\r\n*1\r\n:9\r\n+first\r\n+second\r\n",
];

function frame(bytes: Buffer, chunkBytes: number): string[] {
  const framer = new RespFramer();
  const values: string[] = [];
  for (let start = 0; start < bytes.length; start += chunkBytes)
    values.push(
      ...framer.take(bytes.subarray(start, start + chunkBytes)).map((value) => value.bytes.toString()),
    );
  expect(framer.rest).toHaveLength(0);
  return values;
}

describe("framing RESP", () => {
  it.each([1, 2, 3, 7, 64, 10_000])("finds the same values in chunks of %i bytes", (chunkBytes) => {
    expect(frame(Buffer.from(replies.join("")), chunkBytes)).toEqual(replies);
  });

  it.each(replies)("finds %j only when its last byte has come", (reply) => {
    const framer = new RespFramer();
    expect(framer.take(Buffer.from(reply.slice(0, -1)))).toEqual([]);
    expect(framer.take(Buffer.from(reply.slice(-1)))).toHaveLength(1);
  });

  it("tells pushes from replies", () => {
    const framer = new RespFramer();
    const values = framer.take(Buffer.from(">2\r\n+message\r\n+hello\r\n+OK\r\n*1\r\n+x\r\n"));
    expect(values.map(({ push }) => push)).toEqual([true, false, false]);
  });

  it("reads the words of commands, inline ones too", () => {
    const framer = new RespFramer({ inline: true });
    const bytes = Buffer.concat([respCommand(["SET", "k é", ""]), Buffer.from("PING  twice\r\n\r\n")]);
    const words = framer.take(bytes).map((value) => value.words.map(String));
    expect(words).toEqual([["SET", "k é", ""], ["PING", "twice"], []]);
  });

  it.each(["HTTP/1.1 400\r\n", "*x\r\n", "$1.5\r\n"])("refuses %j", (bytes) => {
    expect(() => new RespFramer().take(Buffer.from(bytes))).toThrow("Not RESP");
  });
});
