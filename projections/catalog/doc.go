// Package catalog is the projection of definitions: each revision of each, so that
// any moment's definitions can be had again.
package catalog
