/** Which certificates are for which hosts: libpq's rules, with the cases of its own tests (src/test/ssl) and more. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PeerCertificate } from "node:tls";
import { isForHost } from "../../../src/server/connection/peer-name.ts";

const CASES: ReadonlyArray<
  readonly [
    cn: string | readonly string[] | undefined,
    san: string | undefined,
    yes: string,
    no: string,
  ]
> = [
  [
    "common-name.pg-ssltest.test",
    undefined,
    "common-name.pg-ssltest.test COMMON-NAME.PG-SSLTEST.TEST",
    "wronghost.test common-name.pg-ssltest.test.",
  ],
  [
    "*.wildcard.pg-ssltest.test",
    undefined,
    "foo.wildcard.pg-ssltest.test",
    "wildcard.pg-ssltest.test .wildcard.pg-ssltest.test deep.subdomain.wildcard.pg-ssltest.test",
  ],
  [
    "x",
    "DNS:dns1.alt-name.test, DNS:dns2.alt-name.test, DNS:*.wildcard.test",
    "dns1.alt-name.test dns2.alt-name.test foo.wildcard.test",
    "x wronghost.test deep.sub.wildcard.test",
  ],
  [undefined, undefined, "", "localhost x"],
  ["x", "DNS:*.example", "db.example", "example a.b.example"],
  [
    "x",
    "DNS:f*.db.example, DNS:*z.db.example, DNS:a*z.db.example",
    "f*.db.example",
    "foo.db.example fz.db.example abz.db.example",
  ],
  ["localhost", undefined, "localhost", "localhost."],
  ["192.0.2.1", undefined, "192.0.2.1", "192.0.2.2"],
  ["192.0.2.1", "DNS:a.example", "192.0.2.1 a.example", "192.0.2.2"],
  ["192.0.2.1", "IP Address:192.0.2.2", "192.0.2.2", "192.0.2.1"],
  ["a.example", "IP Address:192.0.2.2", "a.example 192.0.2.2", "b.example"],
  [
    "x",
    "DNS:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:1",
    "2001:db8::1 2001:DB8:0:0::1 192.0.2.7",
    "2001:db8::2 192.0.2.8",
  ],
  ["x", 'DNS:"a, DNS:b.example", DNS:c.example', "c.example", "b.example a"],
  [["first.example", "second.example"], undefined, "first.example", "second.example"],
  ["*", undefined, "*", "a"],
  ["*.", undefined, "*.", "a."],
];

describe("isForHost", () => {
  for (const [cn, san, yes, no] of CASES) {
    it(`A certificate for ${JSON.stringify(cn)} and ${san ?? "no other name"} is for ${yes || "no host"} only.`, () => {
      const certificate = {
        subject: cn === undefined ? undefined : { CN: cn },
        subjectaltname: san,
      };
      const is = (host: string): boolean =>
        isForHost(host, certificate as unknown as PeerCertificate);
      for (const host of yes.split(" ").filter(Boolean)) assert.ok(is(host), host);
      for (const host of no.split(" ")) assert.ok(!is(host), host);
    });
  }
});
