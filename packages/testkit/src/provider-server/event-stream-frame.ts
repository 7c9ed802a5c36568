/** @module One frame of application/vnd.amazon.eventstream, as Bedrock's invoke-with-response-stream sends it. */
import { crc32 } from "node:zlib";

function header(name: string, value: string): Buffer {
  const nameBytes = Buffer.from(name);
  const valueBytes = Buffer.from(value);
  const head = Buffer.alloc(1 + nameBytes.length + 3);
  head.writeUInt8(nameBytes.length, 0);
  nameBytes.copy(head, 1);
  head.writeUInt8(7, 1 + nameBytes.length); // a string
  head.writeUInt16BE(valueBytes.length, 2 + nameBytes.length);
  return Buffer.concat([head, valueBytes]);
}

/** Total length, header length, checksum, headers, payload, checksum: all big-endian. */
function frame(headers: Readonly<Record<string, string>>, payload: Buffer): Buffer {
  const headerBytes = Buffer.concat(Object.entries(headers).map(([name, value]) => header(name, value)));
  const total = 12 + headerBytes.length + payload.length + 4;
  const prelude = Buffer.alloc(12);
  prelude.writeUInt32BE(total, 0);
  prelude.writeUInt32BE(headerBytes.length, 4);
  prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8);
  const whole = Buffer.concat([prelude, headerBytes, payload, Buffer.alloc(4)]);
  whole.writeUInt32BE(crc32(whole.subarray(0, total - 4)), total - 4);
  return whole;
}

/** A "chunk" event: the JSON of the model's own event, base64 in an object. */
export function eventStreamFrame(json: string): Buffer {
  const payload = Buffer.from(JSON.stringify({ bytes: Buffer.from(json).toString("base64") }));
  return frame(
    { ":event-type": "chunk", ":content-type": "application/json", ":message-type": "event" },
    payload,
  );
}

/** A frame whose checksum is wrong. */
export function brokenFrame(): Buffer {
  const bytes = eventStreamFrame('{"type":"broken"}');
  bytes.writeUInt32BE((bytes.readUInt32BE(bytes.length - 4) ^ 1) >>> 0, bytes.length - 4);
  return bytes;
}

/** A modelled exception, which ends the stream. */
export function exceptionFrame(type: string, message: string): Buffer {
  return frame(
    { ":exception-type": type, ":content-type": "application/json", ":message-type": "exception" },
    Buffer.from(JSON.stringify({ message })),
  );
}
