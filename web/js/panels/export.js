/** @param {import('../app.js').App} app */
export function showExport(app) {
  app.writeLink();
}
