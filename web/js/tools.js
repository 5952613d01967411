// The tools at the top: language, theme, link, export, help.

import { announce, byId, h, icon } from './dom.js';
import { currentLanguage, t } from './i18n.js';
import { ICONS } from './icons.js';

const DARK = matchMedia('(prefers-color-scheme: dark)');

/** What the visitor chose; otherwise the system's, as long as it stays so. @param {string | undefined} chosen */
export function applyTheme(chosen) {
  const theme = chosen === 'dark' || chosen === 'light' ? chosen : DARK.matches ? 'dark' : 'light';
  document.documentElement.dataset.theme = theme;
}

/**
 * @param {import('./app.js').App} app
 */
export function buildTools(app) {
  const chinese = currentLanguage() === 'zh';
  const dark = document.documentElement.dataset.theme === 'dark';
  const tool = (/** @type {keyof typeof ICONS} */ name, /** @type {string} */ id, /** @type {() => void} */ act) =>
    h(
      'button',
      {
        type: 'button',
        class: 'quiet',
        id: `tool-${id}`,
        'aria-label': t(`tools.${id}`),
        title: t(`tools.${id}`),
        onclick: act,
      },
      icon(ICONS[name]),
    );
  byId('tools').replaceChildren(
    h(
      'button',
      {
        type: 'button',
        class: 'quiet',
        id: 'tool-lang',
        lang: chinese ? 'en' : 'zh-CN',
        onclick: () => app.switchLanguage(chinese ? 'en' : 'zh'),
      },
      chinese ? 'English' : '中文',
    ),
    tool(dark ? 'sun' : 'moon', dark ? 'light' : 'dark', () => app.switchTheme(dark ? 'light' : 'dark')),
    tool('link', 'link', () => void copyLink(app)),
    tool('save', 'export', () => void app.openExport()),
    tool('help', 'help', () => app.help()),
  );
}

/** @param {import('./app.js').App} app */
async function copyLink(app) {
  app.writeLink();
  try {
    await navigator.clipboard.writeText(location.href);
    announce(t('tools.copied'));
    flash(t('tools.copied'));
  } catch {
    // Where the clipboard is not allowed, the address bar has it.
    flash(t('tools.inAddress'));
  }
}

/** A word that goes away by itself; screen readers hear of it elsewhere. @param {string} text */
export function flash(text) {
  document.querySelector('.flash')?.remove();
  const note = h('p', { class: 'flash', 'aria-hidden': 'true' }, text);
  document.body.append(note);
  setTimeout(() => note.remove(), 2200);
}

/** The keys, in a dialog. */
export function showHelp() {
  const keys = [
    [t('key.space'), 'play'],
    ['← →', 'step'],
    ['⇧← ⇧→', 'notable'],
    ['Home End', 'ends'],
    ['− +', 'speed'],
    ['F', 'fork'],
    ['[ ]', 'select'],
    ['?', 'help'],
  ];
  const dialog = h(
    'dialog',
    { class: 'dialog', 'aria-labelledby': 'help-title', onclose: () => dialog.remove() },
    h('h2', { id: 'help-title' }, t('help.title')),
    h('p', {}, t('help.intro')),
    h(
      'table',
      {},
      h(
        'tbody',
        {},
        ...keys.map(([key, name]) =>
          h(
            'tr',
            {},
            h('th', { scope: 'row' }, ...key.split(' ').flatMap((part) => [h('kbd', {}, part), ' '])),
            h('td', {}, t(`help.${name}`)),
          ),
        ),
      ),
    ),
    h('form', { method: 'dialog' }, h('button', { class: 'primary' }, t('help.close'))),
  );
  document.body.append(dialog);
  dialog.showModal();
}
