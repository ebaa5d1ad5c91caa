/** Stands in for DuckDB's shell, which npm and Debian do not have: `duckdb -c SQL` on the same engine, rows as JSON. */
import { DuckDBInstance } from "@duckdb/node-api";

const [flag, sql] = process.argv.slice(2);
if (flag !== "-c" || sql === undefined) throw new Error("usage: duckdb -c SQL");
const instance = await DuckDBInstance.create(":memory:");
const connection = await instance.connect();
const result = await connection.runAndReadAll(sql);
console.log(JSON.stringify(result.getRowsJson()));
