/**
 * Import it before pg. While pg loads, it checks whether it runs at Cloudflare. Without a navigator, as in Node.js 20,
 * it creates a Response for that, and the modules that Node.js then loads take longer than pg itself.
 */
if (!("navigator" in globalThis)) {
  Object.defineProperty(globalThis, "navigator", {
    value: { userAgent: "Node.js" },
    configurable: true,
  });
}
