/** Whether a server's certificate is for the host, by libpq's rules (fe-secure-common.c, fe-secure-openssl.c). */
import { BlockList, isIP } from "node:net";
import type { PeerCertificate } from "node:tls";

const ALT_NAME = /([\w ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g;

/** The names of the alternative names first; the common name counts only if none of them is of the host's kind. */
export function isForHost(
  host: string,
  { subject, subjectaltname: alternatives = "" }: PeerCertificate,
): boolean {
  const kind = isIP(host) === 0 ? "DNS" : "IP Address";
  const names = Array.from(alternatives.matchAll(ALT_NAME), ([, type = "", text = ""]) => ({
    type,
    name: text.startsWith('"') ? (JSON.parse(text) as string) : text,
  }));
  const isMatch = names.some(
    ({ type, name }) =>
      (type === "DNS" && matches(name, host)) || (type === "IP Address" && isSame(name, host)),
  );
  if (isMatch || names.some(({ type }) => type === kind)) return isMatch;
  // The type says that there is one name; Node.js gives a list of several, and no subject where it is empty.
  const common = [(subject as Partial<PeerCertificate["subject"]> | undefined)?.CN].flat()[0];
  return common !== undefined && matches(common, host);
}

/** Case does not matter. `*.` at the start stands for one label, and for nothing else. */
function matches(pattern: string, host: string): boolean {
  const [name, wanted] = [lower(pattern), lower(host)];
  if (name === wanted) return true;
  if (!/^\*\../s.test(name) || name.length > wanted.length) return false;
  return wanted.endsWith(name.slice(1)) && wanted.indexOf(".") >= wanted.length - name.length;
}

function lower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function isSame(address: string, host: string): boolean {
  const family = isIP(host) === 6 ? "ipv6" : "ipv4";
  if (isIP(host) === 0 || isIP(host) !== isIP(address)) return false;
  const list = new BlockList();
  list.addAddress(address, family);
  return list.check(host, family);
}
