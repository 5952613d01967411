// The colours and fonts of the canvas. Every colour of a state has a contrast of at least 4.3:1 on
// its ground.

/**
 * @typedef {object} Theme
 * @property {string} ground
 * @property {string} band
 * @property {string} line
 * @property {string} strong
 * @property {string} ink
 * @property {string} soft
 * @property {string} onFill
 * @property {string} accent
 * @property {string} hatch
 * @property {Record<'queued' | 'running' | 'retry' | 'done' | 'failed' | 'cancelled' | 'leaked',
 *   string>} state
 */

/** @typedef {'light' | 'dark'} ThemeName */

/** @type {Record<ThemeName, Theme>} */
export const THEMES = {
  light: {
    ground: '#ffffff',
    band: '#f4f6f9',
    line: '#d9dee6',
    strong: '#6f7a8b',
    ink: '#0f172a',
    soft: '#475569',
    onFill: '#ffffff',
    accent: '#0072b2',
    hatch: '#dfe4eb',
    state: {
      queued: '#6b7280',
      running: '#0072b2',
      retry: '#946300',
      done: '#00795a',
      failed: '#c2410c',
      cancelled: '#9d4e7e',
      leaked: '#1f2937',
    },
  },
  dark: {
    ground: '#0f172a',
    band: '#141f38',
    line: '#263350',
    strong: '#7f8ca6',
    ink: '#e8edf5',
    soft: '#a5b2c8',
    onFill: '#08111f',
    accent: '#56b4e9',
    hatch: '#1d2a48',
    state: {
      queued: '#94a3b8',
      running: '#56b4e9',
      retry: '#e69f00',
      done: '#00c08b',
      failed: '#ff7a45',
      cancelled: '#e39bc3',
      leaked: '#f0e442',
    },
  },
};

export const SANS = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK SC", sans-serif';
