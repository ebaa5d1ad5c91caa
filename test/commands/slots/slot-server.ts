/** A server for the tests of walctl slots. */
import assert from "node:assert/strict";
import { walctl } from "../../support/program/cli.ts";
import { type ServerVersion, type TestServer, startServer } from "../../support/server/server.ts";

/** Its slots go from sound to lost: max_wal_size is small, and no checkpoint comes by itself. */
export class SlotServer {
  readonly server: TestServer;

  private constructor(server: TestServer) {
    this.server = server;
  }

  static async start(version: ServerVersion): Promise<SlotServer> {
    const settings = {
      max_wal_size: "32MB",
      min_wal_size: "32MB",
      checkpoint_timeout: "1d",
      max_prepared_transactions: "2",
      max_replication_slots: "20",
    };
    const server = await startServer({ version, settings });
    await server.sql("CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE t");
    await server.sql("CREATE ROLE plain LOGIN");
    return new SlotServer(server);
  }

  async create(...args: string[]): Promise<void> {
    const { status, stderr } = await walctl(["create-slot", ...args], { server: this.server });
    assert.equal(status, 0, stderr);
  }

  async drop(): Promise<void> {
    await this.server.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots");
  }

  /** WAL by the segment, of 16 MB. */
  async writeWal(segments: number): Promise<void> {
    for (let n = 0; n < segments; n++) {
      await this.server.sql("SELECT pg_logical_emit_message(false, 'x', 'x'), pg_switch_wal()");
    }
  }
}
