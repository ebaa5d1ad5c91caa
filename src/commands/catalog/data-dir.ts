import type { WalVersion } from "../../postgres/pages/versions.ts";
import { Cluster } from "../../capture/data-dir/cluster.ts";
import { DatabaseFiles, clusterHeader, findDatabase } from "../../capture/data-dir/database.ts";
import { configuredSetting } from "../../capture/data-dir/settings.ts";
import {
  type CatalogFile,
  type CatalogHeader,
  type CatalogRows,
  type ExtensionType,
  FOLLOWED_CATALOGS,
} from "../../catalog/model.ts";
import { type NamedObject, type RegObjects, regNames } from "../../catalog/reg-names.ts";
import { CatalogTypes } from "../../catalog/types.ts";
import { columnWriter, writeMissing } from "../../postgres/stored/column-writer.ts";
import { TupleWriter } from "../../postgres/stored/tuple-writer.ts";
import { ColumnKind } from "../../postgres/messages/tags.ts";
import type { Warning } from "../../program/reporter.ts";

/** By number (mb/pg_wchar.h), as pg_encoding_to_char() prints them. */
const ENCODINGS = [
  "SQL_ASCII",
  "EUC_JP",
  "EUC_CN",
  "EUC_KR",
  "EUC_TW",
  "EUC_JIS_2004",
  "UTF8",
  "MULE_INTERNAL",
  "LATIN1",
  "LATIN2",
  "LATIN3",
  "LATIN4",
  "LATIN5",
  "LATIN6",
  "LATIN7",
  "LATIN8",
  "LATIN9",
  "LATIN10",
  "WIN1256",
  "WIN1258",
  "WIN866",
  "WIN874",
  "KOI8R",
  "WIN1251",
  "WIN1252",
  "ISO_8859_5",
  "ISO_8859_6",
  "ISO_8859_7",
  "ISO_8859_8",
  "WIN1250",
  "WIN1253",
  "WIN1254",
  "WIN1255",
  "WIN1257",
  "KOI8U",
];

const PG_PROC = 1255;
const PG_DATABASE = 1262;
const PG_AUTHID = 1260;
const PG_OPERATOR = 2617;
const PG_DEPEND = 2608;
const PG_DB_ROLE_SETTING = 2964;
const PG_EXTENSION = 3079;
const PG_COLLATION = 3456;
const PG_TS_DICT = 3600;
const PG_TS_CONFIG = 3602;
const PG_REPLICATION_ORIGIN = 6000;
const INT4_ARRAY = 1007;
const TEXT_ARRAY = 1009;

/**
 * The catalogue of a database of a server that was shut down, as the server would export it.
 * @throws WalctlError
 */
export function readDataDir(
  folder: string,
  name: string,
  warn: (warning: Warning) => void,
): CatalogFile {
  const cluster = new Cluster(folder);
  const database = findDatabase(cluster, name);
  const encoding = ENCODINGS[database.encoding] ?? String(database.encoding);
  const files = new DatabaseFiles(cluster, database, encoding);
  const rows: CatalogRows = {
    pg_class: files.classes,
    pg_attribute: files.attributes,
    pg_type: files.rows("pg_type", FOLLOWED_CATALOGS.pg_type),
    pg_namespace: files.rows("pg_namespace", FOLLOWED_CATALOGS.pg_namespace),
    pg_index: files.rows("pg_index", FOLLOWED_CATALOGS.pg_index),
    pg_enum: files.rows("pg_enum", FOLLOWED_CATALOGS.pg_enum),
    pg_range: files.rows("pg_range", FOLLOWED_CATALOGS.pg_range),
    pg_replication_origin: files.rows("pg_replication_origin", PG_REPLICATION_ORIGIN),
    reg_names: [],
    extension_types: [],
  };
  const base: CatalogHeader = {
    ...clusterHeader(cluster, files),
    database: name,
    encoding,
    lc_monetary: "",
    array_handler: rows.pg_type.find(({ oid }) => oid === INT4_ARRAY)?.typsubscript ?? 0,
  };
  const types = new CatalogTypes(base, rows);
  const header = { ...base, lc_monetary: monetaryLocale(files, types, folder) ?? "" };
  if (header.lc_monetary === "") warn(noLocale(folder));
  const reg_names = regNames(
    regObjects(files, cluster.control.version),
    types.names,
    database.encoding,
  );
  const extension_types = extensionTypes(files, rows);
  cluster.requireUnchanged();
  return withTexts(header, { ...rows, reg_names, extension_types }, warn);
}

function regObjects(files: DatabaseFiles, version: WalVersion): RegObjects {
  const named = (row: Record<string, unknown>, prefix: string): NamedObject => ({
    oid: row["oid"] as number,
    name: row[`${prefix}name`] as string,
    namespace: row[`${prefix}namespace`] as number,
  });
  const objects = (oid: number, prefix: string): readonly NamedObject[] =>
    files
      .values(oid, { oid: "oid", [`${prefix}name`]: "name", [`${prefix}namespace`]: "oid" })
      .map((row) => named(row, prefix));
  return {
    functions: files
      .values(PG_PROC, { oid: "oid", proname: "name", pronamespace: "oid", proargtypes: "oids" })
      .map((row) => ({ ...named(row, "pro"), arguments: row["proargtypes"] as number[] })),
    operators: files
      .values(PG_OPERATOR, {
        oid: "oid",
        oprname: "name",
        oprnamespace: "oid",
        oprleft: "oid",
        oprright: "oid",
      })
      .map((row) => ({
        ...named(row, "opr"),
        left: row["oprleft"] as number,
        right: row["oprright"] as number,
      })),
    collations: files
      .values(PG_COLLATION, {
        oid: "oid",
        collname: "name",
        collnamespace: "oid",
        collencoding: "int4",
      })
      .map((row) => ({ ...named(row, "coll"), encoding: row["collencoding"] as number })),
    configurations: objects(PG_TS_CONFIG, "cfg"),
    dictionaries: objects(PG_TS_DICT, "dict"),
    roles: files
      .values(PG_AUTHID, { oid: "oid", rolname: "name" })
      .map((row) => ({ oid: row["oid"] as number, name: row["rolname"] as string })),
    databases:
      version < 19
        ? []
        : files
            .values(PG_DATABASE, { oid: "oid", datname: "name" })
            .map((row) => ({ oid: row["oid"] as number, name: row["datname"] as string })),
  };
}

/** Without their array types, which only newer versions count as members. */
function extensionTypes(files: DatabaseFiles, { pg_type }: CatalogRows): ExtensionType[] {
  const names = new Map(
    files
      .values(PG_EXTENSION, { oid: "oid", extname: "name" })
      .map(({ oid, extname }) => [oid, extname as string]),
  );
  const base = new Set(
    pg_type
      .filter(({ typelem, typtype }) => typtype === "b" && typelem === 0)
      .map(({ oid }) => oid),
  );
  return files
    .values(PG_DEPEND, {
      classid: "oid",
      objid: "oid",
      refclassid: "oid",
      refobjid: "oid",
      deptype: "char",
    })
    .filter(({ classid, refclassid, deptype }) => {
      return (
        classid === FOLLOWED_CATALOGS.pg_type && refclassid === PG_EXTENSION && deptype === "e"
      );
    })
    .flatMap(({ objid, refobjid }) => {
      const [oid, extension] = [objid as number, names.get(refobjid)];
      return extension !== undefined && base.has(oid) ? [{ oid, extension }] : [];
    });
}

/** lc_monetary of the database for all roles, else of the server. Undefined: no file of the directory tells. */
function monetaryLocale(
  files: DatabaseFiles,
  types: CatalogTypes,
  folder: string,
): string | undefined {
  const settings = files.values(PG_DB_ROLE_SETTING, {
    setdatabase: "oid",
    setrole: "oid",
    setconfig: "missing",
  });
  for (const database of [files.database.oid, 0]) {
    const row = settings.find((each) => each["setdatabase"] === database && each["setrole"] === 0);
    const list = row?.["setconfig"];
    const text = list instanceof Uint8Array ? textOf(list, TEXT_ARRAY, types) : undefined;
    const found = /[{,"]lc_monetary=([^",}]+)/.exec(text ?? "")?.[1];
    if (found !== undefined) return found;
  }
  return configuredSetting(folder, "lc_monetary");
}

/** Missing values as their text. */
function withTexts(
  header: CatalogHeader,
  rows: CatalogRows,
  warn: (warning: Warning) => void,
): CatalogFile {
  const types = new CatalogTypes(header, rows);
  const out = new TupleWriter();
  const pg_attribute = rows.pg_attribute.map((row) => {
    const { attmissingval: stored, attname, attrelid, atttypid } = row;
    if (!(stored instanceof Uint8Array)) return row;
    out.begin();
    const text = writeMissing(stored, atttypid, types, out) ? textIn(out) : undefined;
    if (text === undefined) {
      const table = types.names.regclass(attrelid) ?? `oid ${attrelid}`;
      warn({
        message: `column ${types.names.quoted(attname)} of ${table}: the value of rows that were stored before it was added cannot be read`,
        detail: "Rows of the table that were stored before cannot be decoded with this catalogue.",
        hint: "Take the catalogue from the running server.",
      });
    }
    return { ...row, attmissingval: text ?? null };
  });
  return { header, rows: { ...rows, pg_attribute } };
}

function textOf(payload: Uint8Array, typeOid: number, types: CatalogTypes): string | undefined {
  const out = new TupleWriter();
  out.begin();
  const write = columnWriter(typeOid, types);
  return write(payload, 0, payload.length, out) ? textIn(out) : undefined;
}

/** The one column that was written. Undefined: its type's stored form is not known. */
function textIn({ bytes, offset }: TupleWriter): string | undefined {
  const HEAD_BYTES = 5;
  return bytes[0] === ColumnKind.text ? bytes.toString("utf8", HEAD_BYTES, offset) : undefined;
}

function noLocale(folder: string): Warning {
  return {
    message: `lc_monetary is not known: "${folder}" has no configuration that sets it`,
    detail: "Values of the type money cannot be decoded with this catalogue.",
    hint: "Take the catalogue from the running server.",
  };
}
