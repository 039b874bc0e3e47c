// The live server answers this address with what it can do; in the book, which needs no server, nothing is here.
window.KOSAE_SERVER = null;
