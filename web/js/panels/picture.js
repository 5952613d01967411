// The stage as a picture, with title and legend.

import { SANS } from '../stage/theme.js';

/** @import { Stage } from '../stage/stage.js' */

const TOP = 66;
const BOTTOM = 62;
const SIDE = 22;
const SHAPE = 16;

/**
 * Draws the stage as a picture of its own.
 * @param {Stage} stage
 * @param {HTMLElement} legend
 * @param {{title: string, subtitle: string, note: string}} captions
 * @returns {Promise<Blob>}
 */
export function picture({ canvas, theme }, legend, { title, subtitle, note }) {
  const density = Math.min(2, window.devicePixelRatio || 1);
  const page = document.createElement('canvas');
  page.width = canvas.width;
  page.height = canvas.height + Math.round((TOP + BOTTOM) * density);
  const pen = page.getContext('2d');
  if (!pen) return Promise.reject(new Error('this browser gives no canvas to draw on'));
  pen.fillStyle = theme.ground;
  pen.fillRect(0, 0, page.width, page.height);
  pen.drawImage(canvas, 0, Math.round(TOP * density));
  pen.scale(density, density);
  const width = page.width / density;
  const height = page.height / density;
  pen.textBaseline = 'alphabetic';
  text(pen, title, SIDE, 32, `650 20px ${SANS}`, theme.ink, width - 2 * SIDE);
  text(pen, subtitle, SIDE, 53, `13px ${SANS}`, theme.soft, width - 2 * SIDE);
  shapes(pen, legend, height - 36, width, theme.soft);
  text(pen, note, SIDE, height - 12, `12px ${SANS}`, theme.soft, width - 2 * SIDE - 70);
  pen.textAlign = 'right';
  text(pen, 'fourfold', width - SIDE, height - 12, `650 13px ${SANS}`, theme.ink, 70);
  return new Promise((resolve, reject) => {
    page.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('the picture could not be made'))), 'image/png');
  });
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {string} words
 * @param {number} x
 * @param {number} y
 * @param {string} font
 * @param {string} color
 * @param {number} width
 */
function text(pen, words, x, y, font, color, width) {
  pen.font = font;
  pen.fillStyle = color;
  let cut = words;
  while (cut.length > 1 && pen.measureText(cut).width > width) cut = `${cut.slice(0, -2).trimEnd()}…`;
  pen.fillText(cut, x, y);
}

/**
 * Draws the legend as the page shows it.
 * @param {CanvasRenderingContext2D} pen
 * @param {HTMLElement} legend
 * @param {number} y
 * @param {number} width
 * @param {string} soft
 */
function shapes(pen, legend, y, width, soft) {
  const entries = [...legend.querySelectorAll('li')].map((item) => ({
    paths: [...item.querySelectorAll('path')],
    words: item.textContent?.trim() ?? '',
  }));
  pen.font = `13px ${SANS}`;
  pen.textAlign = 'left';
  const gap = 18;
  const total = entries.reduce((sum, { words }) => sum + SHAPE + 6 + pen.measureText(words).width + gap, -gap);
  // In a narrow picture the shapes are smaller rather than cut off.
  const scale = Math.min(1, (width - 2 * SIDE) / total);
  pen.save();
  pen.translate(Math.max(SIDE, (width - total * scale) / 2), y);
  pen.scale(scale, scale);
  for (const { paths, words } of entries) {
    for (const path of paths) draw(pen, path);
    pen.fillStyle = soft;
    pen.fillText(words, SHAPE + 6, 4.5);
    pen.translate(SHAPE + 6 + pen.measureText(words).width + gap, 0);
  }
  pen.restore();
}

/**
 * Draws a path of the page in the page's colours.
 * @param {CanvasRenderingContext2D} pen
 * @param {SVGPathElement} path
 */
function draw(pen, path) {
  const style = getComputedStyle(path);
  pen.save();
  pen.translate(0, -SHAPE / 2);
  pen.scale(SHAPE / 20, SHAPE / 20);
  const shape = new Path2D(path.getAttribute('d') ?? '');
  if (style.fill !== 'none') {
    pen.fillStyle = style.fill;
    pen.fill(shape);
  }
  if (style.stroke !== 'none') {
    pen.strokeStyle = style.stroke;
    pen.lineWidth = Number.parseFloat(style.strokeWidth) || 1.75;
    pen.setLineDash(
      style.strokeDasharray === 'none'
        ? []
        : style.strokeDasharray.split(/[ ,]+/).map((dash) => Number.parseFloat(dash)),
    );
    pen.stroke(shape);
  }
  pen.restore();
}
