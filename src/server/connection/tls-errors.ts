/** In a file of its own, since tls.ts is loaded only for TLS. */

/** The server answered that it does not support TLS. */
export class NoTls extends Error {
  override readonly name = "NoTls";
  readonly code = "NO_TLS";

  constructor() {
    super("the server offers no TLS");
  }
}

/** An error of the TLS handshake, with its own code. */
export class HandshakeFailed extends Error {
  override readonly name = "HandshakeFailed";
  readonly code: string;

  constructor(cause: NodeJS.ErrnoException) {
    super(cause.message, { cause });
    this.code = cause.code ?? "TLS";
  }
}

/** pg_hba.conf rejected a connection without TLS, and the server supports TLS. */
export class TlsWanted extends Error {
  override readonly name = "TlsWanted";
  readonly code = "TLS_WANTED";

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
