// Short texts, drawn once and then copied: text is the most expensive thing that a canvas draws.

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
    /**
     * The texts to draw.
     * @type {{text: string, x: number, y: number, size: number, color: string}[]}
     */
    this.wanted = [];
    /** Where the next text begins, and the height of the row: texts of several sizes share one. */
    this.x = 0;
    this.y = 0;
    this.row = 0;
    this.scale = 1;
  }

  clear() {
    this.known.clear();
    this.pen.clearRect(0, 0, SIDE, SIDE);
    this.x = 0;
    this.y = 0;
    this.row = 0;
  }

  /** @param {number} scale device pixels of a pixel */
  begin(scale) {
    this.wanted.length = 0;
    if (scale === this.scale) return;
    this.clear();
    this.scale = scale;
  }

  /**
   * Adds a text around a point to what the next `draw` draws.
   * @param {string} text
   * @param {number} x
   * @param {number} y
   * @param {number} size
   * @param {string} color
   */
  want(text, x, y, size, color) {
    this.wanted.push({ text, x, y, size, color });
  }

  /**
   * Draws all texts. Every new text is written before anything is copied: a canvas that is written
   * to between two copies is copied as a whole each time.
   * @param {CanvasRenderingContext2D} pen
   */
  draw(pen) {
    const { wanted, scale } = this;
    if (this.y > SIDE * 0.75) this.clear();
    for (const { text, size, color } of wanted) this.find(text, size, color);
    for (const { text, x, y, size, color } of wanted) {
      const place = this.find(text, size, color);
      const w = place.w / scale;
      const h = place.h / scale;
      // Text blurs unless it is copied to whole device pixels.
      const left = Math.round((x - w / 2) * scale) / scale;
      const top = Math.round((y - h / 2) * scale) / scale;
      pen.drawImage(this.canvas, place.x, place.y, place.w, place.h, left, top, w, h);
    }
    wanted.length = 0;
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
      this.y += this.row + 1;
      this.row = 0;
    }
    if (this.y + h > SIDE) this.clear();
    this.row = Math.max(this.row, h);
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
