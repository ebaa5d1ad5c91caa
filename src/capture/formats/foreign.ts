import { PAGE_INFO_ALL, SHORT_HEADER_BYTES } from "../../postgres/pages/page.ts";

/** A file that is not a capture: what it is, and what to do with it instead. */
export interface Foreign {
  readonly what: string;
  /** `FILE` stands for the file's name. */
  readonly hint: string;
  /** Physical WAL, of which decode-file has more to say. */
  readonly wal?: true;
}

/** How many bytes are needed to recognise a file by its signature. */
export const FOREIGN_BYTES = SHORT_HEADER_BYTES;

const SIGNATURES: readonly (readonly [readonly number[], Foreign])[] = [
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], compressed("xz", "xz -dc")],
  [[0x42, 0x5a, 0x68], compressed("bzip2", "bzip2 -dc")],
  [
    [0x50, 0x4b, 0x03, 0x04],
    { what: "a zip archive", hint: "Unpack it: unzip -p FILE | walctl decode-file -" },
  ],
  [
    [0x50, 0x47, 0x44, 0x4d, 0x50],
    {
      what: "a dump made by pg_dump",
      hint: "A dump holds no changes; pg_restore -l FILE lists what it holds.",
    },
  ],
];

/** Undefined if no known signature matches. */
export function foreignBinary(bytes: Uint8Array): Foreign | undefined {
  for (const [signature, foreign] of SIGNATURES) {
    if (signature.every((byte, at) => bytes[at] === byte)) return foreign;
  }
  return isWalSegment(bytes) ? WAL_SEGMENT : undefined;
}

const READ =
  "decode-file reads captures of pgoutput, the NDJSON of walctl, and WAL with --catalog; other JSON is for jq.";

/** The plugin that printed the text as changes, in a file of pg_recvlogical or behind LSN and xid of psql's or COPY's. */
export function decodedBy(text: string): string | undefined {
  const line =
    /^\s*(?:"?(?:lsn|location)"?[^\n]*\n(?:[-+]+\n)?\s*)?(?:"?[0-9A-F]{1,8}\/[0-9A-F]{1,8}"?\s*[|\t,]\s*\d+\s*[|\t,])?\s*"?(.*)/.exec(
      text,
    )?.[1] ?? "";
  if (
    /^(?:BEGIN|COMMIT)(?: \d+)?(?: \(at .*)?"?\s*$|^table \S+\.\S+: (?:INSERT|UPDATE|DELETE|TRUNCATE):/.test(
      line,
    )
  )
    return "test_decoding";
  return /^\{"?"(?:change|xid|nextlsn|timestamp|action)"?":/.test(line) ? "wal2json" : undefined;
}

/** Describes text that is in none of the text formats. */
export function foreignText(text: string): Foreign {
  if (text.startsWith('{"kind":"catalog",')) return CATALOG;
  if (text.startsWith('{"kind":"record",')) return RECORDS;
  const plugin = decodedBy(text);
  if (plugin !== undefined) {
    return {
      what: `the output of the plugin ${plugin}, not of pgoutput`,
      hint: `It is decoded already. ${READ}`,
    };
  }
  if (/^\s*[{[]/.test(text)) return { what: "JSON, not pgoutput", hint: READ };
  return {
    what: "text, not pgoutput",
    hint: "A capture as text is what psql or COPY print of pg_logical_slot_peek_binary_changes(…): walctl decode-file --help has an example.",
  };
}

/** Lines of walctl that another program printed on several lines each, or as an array. */
export function spreadLines(line: string): Foreign {
  const each = line.startsWith("[") ? "'.[]'" : ".";
  return {
    what: "walctl's lines, but not one JSON object a line",
    hint: `Put each object on one line: jq -c ${each} FILE | walctl decode-file -`,
  };
}

function compressed(name: string, command: string): Foreign {
  return {
    what: `compressed with ${name}`,
    hint: `Decompress it: ${command} FILE | walctl decode-file -`,
  };
}

const CATALOG: Foreign = {
  what: "a catalogue file, which holds no changes",
  hint: "It tells what the rows in segments of WAL mean: walctl decode-file --catalog FILE PATH_OF_THE_WAL.",
};

const RECORDS: Foreign = {
  what: "records of WAL that walctl inspect printed, which hold no rows",
  hint: "The rows are in the segments: walctl decode-file --catalog CATALOG PATH_OF_THE_WAL.",
};

const WAL_SEGMENT: Foreign = {
  wal: true,
  what: "a segment of the physical write-ahead log, not a capture of pgoutput",
  hint: "To look into it: walctl inspect FILE. Logical changes come only out of a server: walctl tail.",
};

/**
 * XLogPageHeaderData in the server's byte order, here little-endian: uint16 magic, uint16 flags, uint32 timeline,
 * uint64 page address. The magic was 0xD0.. up to PostgreSQL 11 and is 0xD1.. since. The address of a segment's first
 * page is a multiple of at least 1 MiB.
 */
function isWalSegment(bytes: Uint8Array): boolean {
  if (bytes.length < SHORT_HEADER_BYTES) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint16(0, true) >> 8;
  if (magic !== 0xd0 && magic !== 0xd1) return false;
  const timeline = view.getUint32(4, true);
  return (
    view.getUint16(2, true) <= PAGE_INFO_ALL &&
    timeline > 0 &&
    timeline < 0x10000 &&
    view.getUint32(8, true) % 8192 === 0
  );
}
