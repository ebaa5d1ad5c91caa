/** libpq's options of TLS on real servers: what they ask for happens, or nothing does. */
import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { newestOrBoth } from "../../matrix/support/versions.ts";
import { makeClientCertificate, makeRevocationList } from "../../support/server/certificates.ts";
import { LoginServer } from "./login-server.ts";

for (const version of newestOrBoth()) {
  describe(`TLS options on PostgreSQL ${version}`, () => {
    const login = new LoginServer();
    const { fails, run, works } = login;
    before(() => login.start(version));
    after(() => login.dispose());

    test("channel_binding binds where there is TLS and SCRAM, and refuses elsewhere", async () => {
      await works("scrammed", "channel_binding=require sslmode=require");
      await works("scrammed", "channel_binding=disable sslmode=require");
      await fails(
        "scrammed",
        "channel_binding=require sslmode=disable",
        /the connection has no TLS/,
      );
      await fails(
        "clear",
        "channel_binding=require sslmode=require",
        /asks for a password without/,
      );
      await fails("postgres", "channel_binding=require sslmode=require", /lets us in without/);
    });

    test("sslrootcert=system verifies with the system's authorities, and nothing weaker does", async () => {
      await works("scrammed", "sslrootcert=system", { SSL_CERT_FILE: login.certificates.ca });
      await fails("scrammed", "sslrootcert=system", /not signed by an authority/, {
        SSL_CERT_FILE: login.certificates.otherCa,
      });
      await fails("scrammed", "sslrootcert=system sslmode=require", /weak sslmode "require"/);
      await fails(
        "scrammed",
        "sslrootcert=system host=other",
        /certificate is not for the host "other"/,
        { SSL_CERT_FILE: login.certificates.ca },
      );
    });

    test("a file without what it is named for is said to have none, before anything is sent", async () => {
      const none = join(login.home, "none.pem");
      writeFileSync(none, "hello\n");
      const roots =
        /^walctl: error: there is no certificate in the root certificate file ".*none\.pem"\nHINT: PGSSLROOTCERT .*\n$/;
      await fails("scrammed", `sslmode=verify-full sslrootcert=${none}`, roots);
      // It turns require into verify-ca.
      await fails("scrammed", `sslmode=require sslrootcert=${none}`, roots);
      const verified = `sslmode=verify-full sslrootcert=${login.certificates.ca}`;
      await fails(
        "scrammed",
        `${verified} sslcrl=${none}`,
        /no certificate revocation list in sslcrl/,
      );
      await fails(
        "scrammed",
        `sslmode=require sslcert=${none} sslkey=${none}`,
        /no certificate in the client certificate file/,
      );
      const file = join(login.home, "gone");
      const said = await run("scrammed", "sslmode=require", { PGPASSFILE: file, PGPASSWORD: "" });
      assert.match(
        said.stderr,
        /^walctl: warning: password file ".*gone" cannot be read \(ENOENT\) and is skipped\nHINT: PGPASSFILE/,
      );
      await fails(
        "scrammed",
        "service=s",
        /^walctl: error: could not read the service file ".*gone" \(ENOENT\), and service "s" is asked for\nHINT: PGSERVICEFILE names that file\.\n$/,
        { PGSERVICEFILE: file },
      );
    });

    test("what sslmode has to do with a failure is said, and the hint helps", async () => {
      const wanted = await run("tlsonly", "sslmode=disable");
      assert.match(wanted.stderr, /set PGSSLMODE=require, or sslmode=require/);
      await works("tlsonly", "sslmode=require");
      await login.server.sql("ALTER SYSTEM SET ssl = off");
      await login.server.sql("SELECT pg_reload_conf()");
      try {
        const { ca } = login.certificates;
        await fails(
          "scrammed",
          "sslmode=require",
          /it offers no TLS, and sslmode require asks for it\nHINT: .*: PGSSLMODE=prefer, or sslmode=prefer in /,
        );
        await works("scrammed", "", { PGSSLMODE: "prefer" });
        for (const mode of ["verify-ca", "verify-full"])
          await fails(
            "scrammed",
            `sslmode=${mode} sslrootcert=${ca}`,
            new RegExp(
              `sslmode ${mode} asks for it\nHINT: Turn TLS on at the server \\(ssl = on\\)`,
            ),
          );
      } finally {
        await login.server.sql("ALTER SYSTEM SET ssl = on");
        await login.server.sql("SELECT pg_reload_conf()");
      }
      await works("scrammed", "sslmode=require");
    });

    test("sslcrl and sslcrldir: a certificate that is revoked is refused", async () => {
      const verified = `sslmode=verify-full sslrootcert=${login.certificates.ca}`;
      const lists = {
        clean: makeRevocationList(login.certificates, false),
        revoked: makeRevocationList(login.certificates, true),
      };
      await works("scrammed", `${verified} sslcrl=${lists.clean}`);
      await fails(
        "scrammed",
        `${verified} sslcrl=${lists.revoked}`,
        /certificate has been revoked/,
      );
      await fails("scrammed", verified, /certificate has been revoked/, {
        PGSSLCRL: lists.revoked,
      });
      const folder = mkdtempSync(join(login.home, "crl-"));
      await fails("scrammed", `${verified} sslcrldir=${folder}`, /no certificate revocation list/);
      copyFileSync(lists.revoked, join(folder, "a.r0"));
      await fails("scrammed", `${verified} sslcrldir=${folder}`, /certificate has been revoked/);
      await fails("scrammed", `${verified} sslcrl=/nonexistent`, /revocation list "\/nonexistent"/);
    });

    test("a client certificate: its key is private, and may be locked", async () => {
      const { cert, key } = makeClientCertificate(login.certificates, "certified");
      const pair = `sslmode=require sslcert=${cert} sslkey=${key}`;
      await works("certified", pair);
      await works("certified", `${pair} sslcertmode=require`);
      await fails("certified", `${pair} sslcertmode=disable`, /certificate/);
      await fails(
        "scrammed",
        "sslmode=require sslcertmode=require",
        /there is no client certificate/,
      );
      chmodSync(key, 0o644);
      await fails("certified", pair, /has group or world access\nHINT: chmod 600/);
      chmodSync(key, 0o640);
      // The owner is root, or whoever runs this: then a group may not.
      if (process.getuid?.() === 0) await works("certified", pair);
      else await fails("certified", pair, /has group or world access/);
      const locked = makeClientCertificate(login.certificates, "certified", "open-4711");
      const lockedPair = `sslmode=require sslcert=${locked.cert} sslkey=${locked.key}`;
      await works("certified", `${lockedPair} sslpassword=open-4711`);
      await fails(
        "certified",
        `${lockedPair} sslpassword=wrong-4711`,
        /encrypted, and sslpassword is not its passphrase/,
      );
      await fails(
        "certified",
        `${lockedPair} sslpassword=${passphraseThatSeemsRight(locked.key)}`,
        /encrypted, and sslpassword is not its passphrase/,
      );
      await fails("certified", lockedPair, /encrypted, and sslpassword is not its passphrase/);
      await fails("certified", `sslmode=require sslcert=${cert}`, /no private key file/);
      await fails(
        "certified",
        `sslmode=require sslcert=${cert} sslkey=${locked.key} sslpassword=open-4711`,
        /cannot be used with the client certificate/,
      );
      await login.server.sql("ALTER SYSTEM RESET ssl_ca_file");
      await login.server.sql("SELECT pg_reload_conf()");
      await fails("scrammed", `${pair} sslcertmode=require`, /did not ask for a certificate/);
      await login.server.sql("ALTER SYSTEM SET ssl_ca_file = 'ca.crt'");
      await login.server.sql("SELECT pg_reload_conf()");
    });

    test("versions of TLS and its negotiation", async () => {
      await works("scrammed", "sslmode=require ssl_min_protocol_version=TLSv1.3");
      await works("scrammed", "sslmode=require ssl_max_protocol_version=TLSv1.2 sslsni=0");
      await login.server.sql("ALTER SYSTEM SET ssl_max_protocol_version = 'TLSv1.2'");
      await login.server.sql("SELECT pg_reload_conf()");
      await fails(
        "scrammed",
        "sslmode=require ssl_min_protocol_version=TLSv1.3",
        /versions of TLS that are allowed/,
      );
      await login.server.sql("ALTER SYSTEM RESET ssl_max_protocol_version");
      await login.server.sql("SELECT pg_reload_conf()");
      const direct = "sslnegotiation=direct sslmode=require";
      if (version >= 17) await works("scrammed", direct);
      else
        await fails(
          "scrammed",
          direct,
          /could not connect to login.server.*\nHINT: .*PostgreSQL 17/,
        );
      await fails("scrammed", "sslnegotiation=direct sslmode=prefer", /weak sslmode/);
    });

    test("hostaddr is where to connect, and host the name to verify", async () => {
      await works("scrammed", `sslmode=verify-full sslrootcert=${login.certificates.ca}`);
      await fails(
        "scrammed",
        `sslmode=verify-full sslrootcert=${login.certificates.ca} host=elsewhere.invalid`,
        /not for the host "elsewhere\.invalid"/,
      );
    });

    test("a server that takes TLS only: the hint is the setting that gets in", async () => {
      const { status, stderr } = await run("tlsonly", "", { PGSSLMODE: "disable" });
      assert.equal(status, 1);
      const [, mode = ""] = /^HINT: .*PGSSLMODE=(\w+)/m.exec(stderr) ?? [];
      assert.equal(mode, "require");
      await works("tlsonly", "", { PGSSLMODE: mode });
      await works("tlsonly", "sslmode=allow");
      await works("tlsonly", "");
    });
  });
}

/** One of some 256 wrong ones decrypts to something whose padding is right; the error is another one then. */
function passphraseThatSeemsRight(path: string): string {
  const key = readFileSync(path, "utf8");
  for (let number = 0; ; number++) {
    const passphrase = `wrong-${number}`;
    try {
      createPrivateKey({ key, passphrase });
    } catch (error) {
      if (!String((error as NodeJS.ErrnoException).code).includes("BAD_DECRYPT")) return passphrase;
    }
  }
}
