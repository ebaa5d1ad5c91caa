/**
 * To be imported before pg, which checks while it loads whether it runs at Cloudflare. Without a navigator, as in
 * Node.js 20, it creates a Response for that, and what Node.js then loads takes longer than pg itself.
 */
if (!("navigator" in globalThis)) {
  Object.defineProperty(globalThis, "navigator", {
    value: { userAgent: "Node.js" },
    configurable: true,
  });
}
