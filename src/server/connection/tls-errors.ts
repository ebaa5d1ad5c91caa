/** A file of its own, because tls.ts is loaded only for TLS. */

/** The server answered that it has no TLS. */
export class NoTls extends Error {
  override readonly name = "NoTls";
  readonly code = "NO_TLS";

  constructor() {
    super("the server offers no TLS");
  }
}

/** What TLS says, under its own code. */
export class HandshakeFailed extends Error {
  override readonly name = "HandshakeFailed";
  readonly code: string;

  constructor(cause: NodeJS.ErrnoException) {
    super(cause.message, { cause });
    this.code = cause.code ?? "TLS";
  }
}

/** pg_hba.conf refused a connection without TLS, and the server has it. */
export class TlsWanted extends Error {
  override readonly name = "TlsWanted";
  readonly code = "TLS_WANTED";

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
