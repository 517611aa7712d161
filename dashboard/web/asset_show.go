package web

import (
	"github.com/gofiber/fiber/v2"
)

// assetShow serves an embedded file. Its URL changes with its content.
func (s *Server) assetShow(c *fiber.Ctx) error {
	f, ok := s.assets.Get(c.Params("name"))
	if !ok {
		return &notFound{key: "fault.not_found"}
	}
	c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	c.Set(fiber.HeaderETag, f.ETag)
	c.Set(fiber.HeaderContentType, f.Type)
	if c.Get(fiber.HeaderIfNoneMatch) == f.ETag {
		return c.SendStatus(fiber.StatusNotModified)
	}
	if f.Gzip != nil && c.AcceptsEncodings("gzip") == "gzip" {
		c.Set(fiber.HeaderContentEncoding, "gzip")
		return c.Send(f.Gzip)
	}
	return c.Send(f.Body)
}
