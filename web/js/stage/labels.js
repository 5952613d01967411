// Short texts, drawn once and then copied: text is the dearest thing a canvas draws.

import { SANS } from './theme.js';

const SIDE = 1024;

export class Labels {
  constructor() {
    this.canvas = document.createElement('canvas');
    this.canvas.width = SIDE;
    this.canvas.height = SIDE;
    this.pen = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext('2d'));
    /** @type {Map<string, {x: number, y: number, w: number, h: number}>} */
    this.known = new Map();
    this.x = 0;
    this.y = 0;
    this.scale = 1;
  }

  clear() {
    this.known.clear();
    this.pen.clearRect(0, 0, SIDE, SIDE);
    this.x = 0;
    this.y = 0;
    this.scale = 1;
  }

  /** @param {number} scale device pixels of a pixel */
  begin(scale) {
    if (scale !== this.scale) {
      this.clear();
      this.scale = scale;
    }
  }

  /**
   * Draws a text around a point.
   * @param {CanvasRenderingContext2D} pen
   * @param {string} text
   * @param {number} x
   * @param {number} y
   * @param {number} size
   * @param {string} color
   */
  draw(pen, text, x, y, size, color) {
    const place = this.find(text, size, color);
    if (!place) return;
    const w = place.w / this.scale;
    const h = place.h / this.scale;
    // On whole device pixels: copied in between, text blurs.
    const left = Math.round((x - w / 2) * this.scale) / this.scale;
    const top = Math.round((y - h / 2) * this.scale) / this.scale;
    pen.drawImage(this.canvas, place.x, place.y, place.w, place.h, left, top, w, h);
  }

  /**
   * @param {string} text
   * @param {number} size
   * @param {string} color
   */
  find(text, size, color) {
    const key = `${size}${color}${text}`;
    const known = this.known.get(key);
    if (known) return known;
    const { pen, scale } = this;
    pen.font = `600 ${size * scale}px ${SANS}`;
    const w = Math.ceil(pen.measureText(text).width) + 2;
    const h = Math.ceil(size * scale * 1.25);
    if (this.x + w > SIDE) {
      this.x = 0;
      this.y += h + 1;
    }
    if (this.y + h > SIDE) {
      this.clear();
      this.scale = scale;
      pen.font = `600 ${size * scale}px ${SANS}`;
    }
    pen.fillStyle = color;
    pen.textAlign = 'left';
    pen.textBaseline = 'middle';
    pen.fillText(text, this.x + 1, this.y + h / 2);
    const place = { x: this.x, y: this.y, w, h };
    this.x += w + 1;
    this.known.set(key, place);
    return place;
  }
}
