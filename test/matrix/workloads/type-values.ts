/** Values that are easy to get wrong, by the SQL name of their type, as SQL literals without quotes. */
export interface TypeValues {
  /** As SQL writes the type. */
  readonly type: string;
  readonly values: readonly string[];
}

const DIGITS_1000 = "1234567890".repeat(100);
const ODD_TEXTS = [
  "",
  " ",
  "NULL",
  "null",
  "{a,b}",
  '{"a"}',
  "(a,b)",
  'say "hi"',
  "back\\slash\\",
  '\\"',
  "a,b;c",
  "tab\tline\nreturn\rend",
  "\u0001\u001f\u007f\u0085",
  "\u2028é😀",
  "'",
];

const NUMBERS: readonly TypeValues[] = [
  { type: "int2", values: ["-32768", "32767", "0"] },
  { type: "int4", values: ["-2147483648", "2147483647", "0"] },
  { type: "int8", values: ["-9223372036854775808", "9223372036854775807", "9007199254740993"] },
  {
    type: "float4",
    values: ["NaN", "Infinity", "-Infinity", "-0", "1e-45", "3.4028235e38", "0.1", "16777216"],
  },
  {
    type: "float8",
    values: [
      "NaN",
      "Infinity",
      "-Infinity",
      "-0",
      "5e-324",
      "1.7976931348623157e308",
      "0.1",
      "1e15",
      "1e16",
      "123456789012345680",
    ],
  },
  {
    type: "numeric",
    values: [
      "NaN",
      "Infinity",
      "-Infinity",
      "0",
      "-0.0",
      "1.10",
      "1.1000",
      "0.00000000000000000001",
      "1e500",
      "-10000",
      "10000.0001",
      "99999999",
      `-${DIGITS_1000}.${DIGITS_1000}`,
    ],
  },
  { type: "numeric(12,4)", values: ["1.1", "-0.0001", "NaN", "99999999.9999"] },
  { type: "money", values: ["-92233720368547758.08", "92233720368547758.07", "0", "-1234.5"] },
  { type: "bool", values: ["t", "f"] },
  { type: "oid", values: ["0", "4294967295", "2147483649"] },
  { type: "xid", values: ["0", "4294967295", "2147483649"] },
  { type: "cid", values: ["0", "4294967295"] },
  { type: "xid8", values: ["0", "18446744073709551615", "9223372036854775809"] },
  { type: "tid", values: ["(0,0)", "(4294967295,65535)"] },
  { type: "pg_lsn", values: ["0/0", "FFFFFFFF/FFFFFFFF", "16/B374D848"] },
  { type: "bit(9)", values: ["000000000", "101010101"] },
  { type: "varbit", values: ["", "1", "0000000000000001"] },
];

const TEXTS: readonly TypeValues[] = [
  { type: "text", values: ODD_TEXTS },
  { type: "varchar(40)", values: ODD_TEXTS },
  { type: "char(5)", values: ["", "ab", "NULL", '"', "a,b", "\\"] },
  { type: '"char"', values: ["", "a", '"', "\\", ",", "{", " "] },
  { type: "name", values: ["", "a b", 'q"q', "x".repeat(63)] },
  { type: "bytea", values: ["", "\\x00", "\\xdeadBEEF", "\\x5c22"] },
  {
    type: "json",
    values: [
      '{"a": 1, "a": 2,\n\t"b" : [ 1.10, 1e400, -0 ]}',
      "null",
      '"null"',
      " 12345678901234567890.10 ",
      '{"":"","\\u0000":"\\ud834\\udd1e","nested":{"q\\"":[{}, [], "}"]}}',
      "[\r\n1\r\n]",
      '"\\u2028 é \u007f"',
      "true",
    ],
  },
  {
    type: "jsonb",
    values: [
      '{"b": 1, "a": 2, "a": 3, "__proto__": {"1": 1.10}}',
      "null",
      '"a \\"quoted\\" one"',
      "12345678901234567890.10",
      "[[], {}, [null, true]]",
      '"line\\nbreak"',
    ],
  },
  { type: "jsonpath", values: ['$.a[*] ? (@.b == "x\\"y")', "strict $"] },
  {
    type: "uuid",
    values: ["00000000-0000-0000-0000-000000000000", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"],
  },
  { type: "tsvector", values: ["", "'a b':1A,2 'it''s':3 'back\\\\slash'", "x:16383"] },
  { type: "tsquery", values: ["", "'a b' & !c | (d <-> e:*A)", "'it''s' <3> f"] },
  { type: "refcursor", values: ["", "<unnamed portal 1>"] },
  { type: "xml", values: ['<a b="1">x &amp; "y"</a>', "text only", "<a>\n</a>"] },
];

const TIMES: readonly TypeValues[] = [
  {
    type: "date",
    values: [
      "infinity",
      "-infinity",
      "4713-01-01 BC",
      "0001-12-31 BC",
      "5874897-12-31",
      "10000-01-01",
      "2000-02-29",
    ],
  },
  { type: "time", values: ["00:00:00", "24:00:00", "23:59:59.999999", "04:05:06.7"] },
  { type: "time(0)", values: ["24:00", "12:34:56.7"] },
  {
    type: "timetz",
    values: ["00:00:00+15:59:59", "24:00:00-15:59", "04:05:06.789+05:30", "12:00Z"],
  },
  {
    type: "timestamp",
    values: [
      "infinity",
      "-infinity",
      "4713-01-01 00:00:00 BC",
      "0044-03-15 12:00:00.000001 BC",
      "294276-12-31 23:59:59.999999",
      "10000-01-01 00:00:00",
      "1999-12-31 23:59:60",
      "2026-11-24 10:57:43.10",
    ],
  },
  {
    type: "timestamptz",
    values: [
      "infinity",
      "-infinity",
      "4714-11-24 00:00:00+00 BC",
      "0044-03-15 12:00:00.000001+01 BC",
      "294276-12-31 23:59:59.999999+00",
      "10000-01-01 00:00:00+00",
      "2026-11-24 10:57:43.123456+05:30",
    ],
  },
  { type: "timestamptz(3)", values: ["2026-11-24 10:57:43.1239+00"] },
  {
    type: "interval",
    values: [
      "0",
      "-178000000 years",
      "178000000 years",
      "1 year -2 mons 3 days -04:05:06.789",
      "-00:00:00.000001",
      "-1 day +23:59:59",
      "999999999:59:59.999999",
      "1 mon",
    ],
  },
  { type: "interval day to second(2)", values: ["1 day 2.345 seconds"] },
];

const SHAPES: readonly TypeValues[] = [
  {
    type: "inet",
    values: [
      "0.0.0.0/0",
      "192.168.0.1",
      "192.168.0.1/24",
      "::ffff:1.2.3.4",
      "2001:db8::1/64",
      "::",
    ],
  },
  { type: "cidr", values: ["0.0.0.0/0", "10/8", "2001:db8::/32", "::1/128"] },
  { type: "macaddr", values: ["08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff"] },
  { type: "macaddr8", values: ["08:00:2b:01:02:03:04:05", "00:00:00:00:00:00:00:00"] },
  { type: "point", values: ["(1.5,-2)", "(NaN,Infinity)", "(1e-300,-0)"] },
  { type: "line", values: ["{1,-1,0.5}", "{0,-1,3}"] },
  { type: "lseg", values: ["[(1,2),(3,4)]"] },
  { type: "box", values: ["(3,4),(1,2)", "(0.1,0.2),(-1e10,-5)"] },
  { type: "path", values: ["[(1,2),(3,4)]", "((1,2),(3,4))"] },
  { type: "polygon", values: ["((1,2),(3,4),(0.5,6))"] },
  { type: "circle", values: ["<(1,2),3>", "<(0,0),0>"] },
  { type: "int4range", values: ["empty", "[1,10)", "(,)", "[5,]"] },
  { type: "int8range", values: ["empty", "[-9223372036854775808,9223372036854775807)", "(,0)"] },
  { type: "numrange", values: ["[1.10,2.20]", "(,)", "[NaN,NaN]", "[-Infinity,Infinity]"] },
  {
    type: "tsrange",
    values: ['["2026-01-01 00:00:00",infinity]', "[,)", '(-infinity,"0044-03-15 12:00:00 BC")'],
  },
  { type: "tstzrange", values: ['["2026-01-01 00:00:00+01","10000-01-01 00:00:00+00")', "empty"] },
  { type: "daterange", values: ["[2026-01-01,2026-12-31]", "[infinity,]", "[0044-03-15 BC,)"] },
  { type: "int4multirange", values: ["{}", "{[1,3),[5,)}"] },
  { type: "int8multirange", values: ["{}", "{(,-5),[5,10)}"] },
  { type: "nummultirange", values: ["{[1.10,2.20],(3,)}"] },
  { type: "tsmultirange", values: ['{["2026-01-01 00:00:00","2026-02-01 00:00:00")}', "{}"] },
  { type: "tstzmultirange", values: ['{["2026-01-01 00:00:00+01",infinity]}'] },
  { type: "datemultirange", values: ["{[2026-01-01,2026-02-01),[2026-03-01,)}"] },
];

const SYSTEM: readonly TypeValues[] = [
  { type: "int2vector", values: ["", "1", "-32768 0 32767"] },
  { type: "oidvector", values: ["", "1", "0 4294967295 2147483649"] },
  { type: "regclass", values: ["pg_class", "-", "pg_type", "4294967295"] },
  { type: "regproc", values: ["-", "pg_backend_pid"] },
  { type: "regprocedure", values: ["-", "abs(integer)"] },
  { type: "regoper", values: ["0", "||/"] },
  { type: "regoperator", values: ["0", "+(integer,integer)"] },
  { type: "regtype", values: ["-", "integer[]", "double precision", '"char"'] },
  { type: "regrole", values: ["-", "postgres", "pg_monitor"] },
  { type: "regnamespace", values: ["-", "pg_catalog"] },
  { type: "regconfig", values: ["english"] },
  { type: "regdictionary", values: ["simple"] },
  { type: "regcollation", values: ['"C"', "-"] },
  { type: "pg_snapshot", values: ["10:20:10,14,15", "1:1:"] },
  { type: "txid_snapshot", values: ["10:20:10,14,15"] },
  {
    type: "hstore",
    values: [
      "",
      '"a"=>"1", "b"=>NULL',
      '"q\\"k"=>"b\\\\s, \\n", "NULL"=>"NULL", ""=>""',
      "a=>t, n=>1.10, x=>=>",
    ],
  },
  { type: "citext", values: ODD_TEXTS },
  {
    type: "cube",
    values: ["(1,2),(3,4)", "(0.5)", "(1),(1)", "(1e300,-0,NaN),(Infinity,1e-7,NaN)", "(0.1,2,3)"],
  },
  { type: "ltree", values: ["", "a.b.c", "Top.Uber_uns.a1234567.b", "one2345", "x.y1234567890"] },
  {
    type: "lquery",
    values: [
      "*",
      "a.*{1,3}.b",
      "!a|b%@*.*{2}.*{,4}.*{5,}",
      "a{1,2}.U@.c{,}.d{3}",
      "ab*|cdefghijk.*{0}",
    ],
  },
  {
    type: "ltxtquery",
    values: [
      "a",
      "Europe & Russia*@ & !Transportation",
      "a | !(b & (c | !d%))",
      "!!a | (b | c)",
      "u & (x | y)",
    ],
  },
];

/** Types without a binary form: a stream that asks for it ends at an array of them. */
export const TEXT_ONLY: readonly TypeValues[] = [
  { type: "aclitem", values: ["postgres=arwdDxt/postgres", "=r/postgres"] },
  {
    type: "seg",
    values: ["1.5 .. 2.50", "<10", "~0.5 .. >1000", ".. 7", "1e-10 ..", "12345678", "100000.5"],
  },
  { type: "query_int", values: ["1", "!1 & (2 | -3)", "1 | 2 | !(3 & !!4)", "!(1 | 2)"] },
  { type: "ean13", values: ["978-0-11-000533-1"] },
];

export const BINARY_TYPES: readonly TypeValues[] = [
  ...NUMBERS,
  ...TEXTS,
  ...TIMES,
  ...SHAPES,
  ...SYSTEM,
];
