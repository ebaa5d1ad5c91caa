import "./navigator.ts";
import pg from "pg";

export default pg;
