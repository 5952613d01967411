// The keyboard. Never inside inputs, and never with a modifier that the browser has for itself.

/**
 * @param {import('./app.js').App} app
 */
export function listenToKeys(app) {
  const { session } = app;
  /** @type {Record<string, () => void>} */
  const keys = {
    ' ': () => session.toggle(),
    ArrowLeft: () => session.go({ step: -1 }),
    ArrowRight: () => session.go({ step: 1 }),
    'shift+ArrowLeft': () => session.go({ notable: -1 }),
    'shift+ArrowRight': () => session.go({ notable: 1 }),
    Home: () => session.go({ positions: [] }),
    End: () => session.go({ end: true }),
    '-': () => session.setSpeed(session.speed / 10 ** 0.25),
    '+': () => session.setSpeed(session.speed * 10 ** 0.25),
    '=': () => session.setSpeed(session.speed * 10 ** 0.25),
    f: () => app.fork(),
    '[': () => app.tasks.move(-1),
    ']': () => app.tasks.move(1),
    '?': () => app.help(),
  };
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.closest('input, textarea, select, [contenteditable], dialog, [role="tablist"]')) return;
    // A button that has the focus is pressed with the space bar, as everywhere.
    if (event.key === ' ' && target.closest('button, a, summary, [role="option"]')) return;
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const act = keys[(event.shiftKey && name.startsWith('Arrow') ? 'shift+' : '') + name];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
